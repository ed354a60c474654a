// The elements for React, with the props of the components that they replace.

export { configure } from "../src/element.ts";
export { addTexts } from "../src/logic/language.ts";
export { AnimateButton, type AnimateButtonProps } from "./animate-button.tsx";
export { JobStatusIndicator, type JobStatusIndicatorProps } from "./job-status-indicator.tsx";
export { type Animation, type AnimationWish, useAnimation } from "./use-animation.ts";
export { VideoPlayerCard, type VideoPlayerCardProps } from "./video-player-card.tsx";
