import { useEffect, useMemo, useSyncExternalStore } from "react";
import { apiFor } from "../src/element.ts";
import type { Problem, TokenSource } from "../src/logic/api.ts";
import { browserIntents } from "../src/logic/intents.ts";
import type { Job, Wish } from "../src/logic/types.ts";
import { isOpen, type State, type Subject, WishedJob } from "../src/logic/wished-job.ts";

export interface AnimationWish extends Omit<Wish, "picture"> {
  /** The picture, by one of its names or as this page shows it; null while there is none. */
  picture: Wish["picture"] | null;
  endpoint?: string | undefined;
  token?: TokenSource | undefined;
}

export interface Animation {
  state: State;
  job: Job | null;
  jobId: string | null;
  problem: Problem | null;
  /** There is a job, or one is being asked for. */
  isOpen: boolean;
  isCancelling: boolean;
  /** Make the wish; nothing happens while one is open. */
  animate(): void;
  cancel(): void;
}

/** What `<animate-button>` does, for a button of one's own: one wish, one job, found again after a refresh. */
export function useAnimation({ picture, prompt, options, endpoint, token }: AnimationWish): Animation {
  const api = apiFor(endpoint ?? null, token);
  const wished = useMemo(() => new WishedJob(api, browserIntents()), [api]);
  const name = picture && Object.values(picture)[0];
  const subject = useMemo<Subject | null>(() => {
    if (!picture || !name) return null;
    return { wish: { picture, ...(prompt && { prompt }), ...(options && { options }) }, names: [name] };
  }, [name, prompt, JSON.stringify(options)]);
  useEffect(() => {
    void wished.show(subject);
    return () => wished.stop();
    // Another prompt is no reason to look away from the job that is open.
  }, [wished, name]);
  useEffect(() => {
    const hear = ({ key }: StorageEvent) => void wished.heard(key, subject);
    addEventListener("storage", hear);
    return () => removeEventListener("storage", hear);
  }, [wished, subject]);

  const state = useSyncExternalStore(
    (changed) => {
      wished.addEventListener("change", changed);
      return () => wished.removeEventListener("change", changed);
    },
    () => wished.snapshot,
    () => wished.snapshot,
  );
  return {
    ...state,
    isOpen: isOpen(state.state),
    animate: () => void (subject && wished.start(subject)),
    cancel: () => void wished.cancel(),
  };
}
