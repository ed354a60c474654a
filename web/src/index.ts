// All elements, and what a page may need of them.

export { AnimateButton } from "./animate-button.ts";
export { configure } from "./element.ts";
export { Problem, type TokenSource } from "./logic/api.ts";
export { addTexts } from "./logic/language.ts";
export type { Failure, Job, Options, Status, Video } from "./logic/types.ts";
export type { State } from "./logic/wished-job.ts";
export type { Announcements, Events, Wishes } from "./names.ts";
export { PhotoplayGallery } from "./photoplay-gallery.ts";
export { PhotoplayPlayer, type PlayerState } from "./photoplay-player.ts";
export type { Texts } from "./texts/en.ts";
export { VideoJob } from "./video-job.ts";
