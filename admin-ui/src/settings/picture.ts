/** A picture that somebody chose, as a PNG no larger than a logo needs: the browser decodes it, so that any kind it knows will do. */
const widest = 512, highest = 256, least = 16;

export type Unfit = "unreadable" | "small";

/** The PNG in Base64. */
export async function logoFrom(file: Blob): Promise<string | Unfit> {
  // A drawing is a program's work, and loads what it names: only pictures made of pixels are taken.
  if (!/^image\/(png|jpeg|webp)$/.test(file.type)) return "unreadable";
  let picture: ImageBitmap;
  try { picture = await createImageBitmap(file); } catch { return "unreadable"; }
  const part = Math.min(1, widest / picture.width, highest / picture.height);
  const width = Math.round(picture.width * part), height = Math.round(picture.height * part);
  if (width < least || height < least) return "small";
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  canvas.getContext("2d")?.drawImage(picture, 0, 0, width, height);
  picture.close();
  const blob = await new Promise<Blob | null>((done) => { canvas.toBlob(done, "image/png"); });
  if (!blob) return "unreadable";
  let text = "";
  for (const b of new Uint8Array(await blob.arrayBuffer())) text += String.fromCharCode(b);
  return btoa(text);
}
