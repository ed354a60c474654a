// The elements as React sees them: a component sets properties, and hears events by their names.

import { useEffect, useLayoutEffect, useRef } from "react";
import type { TokenSource } from "../src/logic/api.ts";
import type { Events } from "../src/names.ts";

// An element starts as soon as it is in the page; until then its token and listeners have to be there.
const useCommitEffect = typeof document === "undefined" ? useEffect : useLayoutEffect;

type Listeners = { [Name in keyof Events]?: ((event: CustomEvent<Events[Name]>) => void) | undefined };

/** A ref to an element, with listeners that are the newest render's. */
export function useElement<Kind extends HTMLElement & { token?: TokenSource | undefined }>(
  listeners: Listeners,
  token?: TokenSource,
): React.RefObject<Kind | null> {
  const ref = useRef<Kind>(null);
  const newest = useRef(listeners);
  newest.current = listeners;
  const names = Object.keys(listeners).join(" ");
  useCommitEffect(() => {
    const element = ref.current;
    if (!element) return;
    const stopping = new AbortController();
    for (const name of names.split(" ") as (keyof Events)[]) {
      const hear = (event: Event) => (newest.current[name] as ((event: Event) => void) | undefined)?.(event);
      element.addEventListener(name, hear, { signal: stopping.signal });
    }
    return () => stopping.abort();
  }, [names]);
  const given = useRef<TokenSource | undefined>(undefined);
  useCommitEffect(() => {
    if (ref.current && token !== given.current) ref.current.token = token;
    given.current = token;
  }, [token]);
  return ref;
}

