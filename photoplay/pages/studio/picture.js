// Pictures as the browser sees them, before the server has.

const THUMB_PX = 960;
const EXTENSIONS = /\.(jpe?g|png|webp|gif|bmp|tiff?|hei[cf]|avif)$/i;

export const looksLikePicture = (file) => file.type.startsWith("image/") || EXTENSIONS.test(file.name);

/** A small copy of a picture as a data address, or null where the browser cannot decode it. */
export async function thumbOf(url) {
  const image = new Image();
  image.src = url;
  try {
    await image.decode();
  } catch {
    return null;
  }
  const { naturalWidth: width, naturalHeight: height } = image;
  const scale = Math.min(1, THUMB_PX / Math.max(width, height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.ceil(width * scale);
  canvas.height = Math.ceil(height * scale);
  const paint = canvas.getContext("2d");
  // Transparent parts become white on the server too.
  paint.fillStyle = "#fff";
  paint.fillRect(0, 0, canvas.width, canvas.height);
  paint.drawImage(image, 0, 0, canvas.width, canvas.height);
  return canvas.toDataURL("image/jpeg", 0.72);
}
