// Names that pages rely on: what elements announce, and what they wish for. All bubble and leave shadow trees.

import type { Job } from "./logic/types.ts";
import type { State } from "./logic/wished-job.ts";

/** Wishes can be prevented: whoever does so answers them in another way. */
export interface Wishes {
  /** The button was pressed. */
  animaterequest: null;
  /** A job is to be stopped. */
  cancelrequest: { jobId: string | null };
  /** The service asks who this is. */
  signinrequest: null;
  /** A video of the gallery is to be played. */
  openrequest: { job: Job };
  /** A video's address is no longer good, and the player knows no job to ask for a new one. */
  renewrequest: { src: string };
}

export interface Announcements {
  /** There is a job, perhaps one that was asked for before. */
  jobcreated: { jobId: string };
  /** A job has a new state. */
  jobchange: { job: Job };
  /** A job has ended: succeeded, failed or cancelled. */
  jobend: { job: Job };
  /** The button's own state, before and beside a job's. */
  statechange: { state: State };
}

export type Events = Wishes & Announcements;

declare global {
  interface GlobalEventHandlersEventMap extends NamedEvents {}
}

type NamedEvents = { [Name in keyof Events]: CustomEvent<Events[Name]> };
