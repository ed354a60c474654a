// What the logic needs of the page around it, also where there is no page.

const target = globalThis as Partial<typeof globalThis>;

export const isHidden = (): boolean => target.document?.hidden ?? false;

/** Call `listener` when the tab is shown or hidden, or the connection comes back, until `signal` aborts. */
export function onWake(listener: () => void, signal: AbortSignal): void {
  if (signal.aborted) return;
  target.document?.addEventListener("visibilitychange", listener, { signal });
  target.document?.defaultView?.addEventListener("online", listener, { signal });
}

/** Wait; the page's waking ends the wait early, so does `signal`. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const over = new AbortController();
    const end = () => {
      clearTimeout(timer);
      over.abort();
      resolve();
    };
    const timer = setTimeout(end, ms);
    onWake(end, over.signal);
    signal.addEventListener("abort", end, { signal: over.signal });
    if (signal.aborted) end();
  });
}

/** Wait until the tab is in front, or `signal` aborts. */
export async function untilShown(signal: AbortSignal): Promise<void> {
  while (isHidden() && !signal.aborted) await pause(3_600_000, signal);
}

/** A signal that aborts with `signal` or as soon as the tab is hidden. Abort the controller to be done with it. */
export function whileShown(signal: AbortSignal): AbortController {
  const round = new AbortController();
  const look = () => {
    if (isHidden()) round.abort();
  };
  onWake(look, round.signal);
  signal.addEventListener("abort", () => round.abort(), { signal: round.signal });
  if (signal.aborted) round.abort();
  look();
  return round;
}

export const backoffMs = (failures: number): number => Math.min(1_000 * 2 ** failures, 15_000);
