"use client";

// The elements for React, with the props of the components that they replace.

export type {} from "./jsx.ts";
export { configure } from "../src/element.ts";
export type { Problem, TokenSource } from "../src/logic/api.ts";
export { addTexts } from "../src/logic/language.ts";
export type { Job, Options, Status } from "../src/logic/types.ts";
export type { State } from "../src/logic/wished-job.ts";
export { AnimateButton, type AnimateButtonProps } from "./animate-button.tsx";
export { JobStatusIndicator, type JobStatusIndicatorProps } from "./job-status-indicator.tsx";
export { type Animation, type AnimationWish, useAnimation } from "./use-animation.ts";
export { VideoPlayerCard, type VideoPlayerCardProps } from "./video-player-card.tsx";
