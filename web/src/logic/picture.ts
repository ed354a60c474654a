// How a picture that the page shows becomes one that the service can name.

import { type Api, Problem } from "./api.ts";
import type { PictureName, ShownPicture } from "./types.ts";

/**
 * Return the service's name of a picture; what the page shows is sent first.
 *
 * The same picture of the same user is the same `imageId`, so sending it twice is harmless.
 *
 * @throws Problem the picture was refused, or there is no connection.
 */
export async function nameOf(
  api: Api,
  picture: PictureName | ShownPicture,
  signal: AbortSignal,
): Promise<PictureName> {
  if (!("src" in picture)) return picture;
  const { src } = picture;
  let bytes: Blob;
  try {
    const answer = await fetch(src, { signal });
    if (!answer.ok) throw new Problem(400, { code: "image_not_found", detail: "The picture cannot be read." });
    bytes = await answer.blob();
  } catch (error) {
    if (error instanceof Problem) throw error;
    // Another site's picture that this page may show but not read; the service may be able to.
    if (src.startsWith("https:") && globalThis.navigator?.onLine !== false) return { sourceImageUrl: src };
    throw new Problem(0);
  }
  const { imageId } = await api.sendPicture(bytes, signal);
  return { imageId };
}
