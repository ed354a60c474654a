// Pictures as the browser sees them, before the server has.

const THUMB_PX = 960;
const EXTENSIONS = /\.(jpe?g|png|webp|gif|bmp|tiff?|hei[cf]|avif)$/i;

export function looksLikePicture(file) {
  return file.type.startsWith("image/") || EXTENSIONS.test(file.name);
}

/** Size and a small copy of a picture, or null where the browser cannot decode it. */
export async function preview(url) {
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
  canvas.width = Math.max(1, Math.round(width * scale));
  canvas.height = Math.max(1, Math.round(height * scale));
  const paint = canvas.getContext("2d");
  // Transparent parts become white on the server too.
  paint.fillStyle = "#fff";
  paint.fillRect(0, 0, canvas.width, canvas.height);
  paint.drawImage(image, 0, 0, canvas.width, canvas.height);
  return { width, height, thumb: canvas.toDataURL("image/jpeg", 0.72) };
}
