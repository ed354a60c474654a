// The examples of docs/elements.md on a page: `?show=own` is the button of one's own.

import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { Animated, OwnButton } from "../examples/react.tsx";

const Example = location.search === "?show=own" ? OwnButton : Animated;
createRoot(document.querySelector("main") as HTMLElement).render(
  <StrictMode>
    <Example src="/harbour.jpg" alt="The harbour" />
  </StrictMode>,
);
