import type { ReactNode } from "react";
import "../src/animate-button.ts";
import type { AnimateButton as Element } from "../src/animate-button.ts";
import type { TokenSource } from "../src/logic/api.ts";
import type { Job, Options } from "../src/logic/types.ts";
import { useElement } from "./elements.ts";

export interface AnimateButtonProps {
  /** An uploaded picture. */
  imageId?: string | undefined;
  /** A picture that the service fetches. */
  imageUrl?: string | undefined;
  /** A picture in the service's store. */
  sourceImagePath?: string | undefined;
  /** Id of an `img` of the page whose bytes are sent. */
  htmlFor?: string | undefined;
  prompt?: string | undefined;
  options?: Options | undefined;
  endpoint?: string | undefined;
  /** Keep a function the same between renders: another one is another identity. */
  token?: TokenSource | undefined;
  onJobCreated?: ((jobId: string) => void) | undefined;
  onJobChange?: ((job: Job) => void) | undefined;
  /** Somebody has to sign in first. */
  onSignInRequest?: (() => void) | undefined;
  className?: string | undefined;
  id?: string | undefined;
  /** The button's words before it is pressed. */
  children?: ReactNode;
}

/** `<animate-button>`: one press, one job. */
export function AnimateButton(props: AnimateButtonProps) {
  const { token, onJobCreated, onJobChange, onSignInRequest } = props;
  const ref = useElement<Element>(
    {
      jobcreated: ({ detail }) => onJobCreated?.(detail.jobId),
      jobchange: ({ detail }) => onJobChange?.(detail.job),
      signinrequest: () => onSignInRequest?.(),
    },
    token,
  );
  return (
    <animate-button
      ref={ref}
      id={props.id}
      class={props.className}
      image-id={props.imageId}
      source-image-path={props.sourceImagePath}
      source-image-url={props.imageUrl}
      for={props.htmlFor}
      prompt={props.prompt}
      options={props.options && JSON.stringify(props.options)}
      endpoint={props.endpoint}
    >
      {props.children}
    </animate-button>
  );
}
