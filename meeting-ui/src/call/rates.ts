/**
 * What the streams of a call cost at most, in bits a second of encoded media, and which of a camera's layers the server sends for
 * a tile: the one place of these figures. The publisher asks its encoders for them, the page before the call and the sizing tables
 * of the documents reckon with them, and a test holds them to the server's own (media/pace: `usual`, `LayerFor`).
 */

/** Opus, each microphone. */
export const soundRate = 40_000;
/** VP8, whole size, half and quarter of what the camera gives. */
export const cameraRates = { l: 150_000, m: 500_000, h: 1_700_000 } as const;
/**
 * VP9 in spatial layers: a layer with those below. Less than VP8's layers cost together on the way up and a little more than one of
 * them on the way down, so that what a room shows of its lines is right within a fifth for both.
 */
export const spatialRates = { l: 150_000, m: 575_000, h: 1_950_000 } as const;
export type CameraLayer = keyof typeof cameraRates;
export const screenRate = 2_500_000;
export const screenSoundRate = 96_000;

/** What is asked of a camera; it may give less. */
export const camera = { width: 1280, height: 720, frames: 30 } as const;

/**
 * What a camera's picture is divided by in each of its layers. libwebrtc makes three layers of a picture of 960 × 540 points or more, two
 * from 480 × 270 on, and else one: the first ones of those asked for, however many are. So a small camera's are its whole picture and
 * half of it, or its whole picture; divided by four and two, nobody would ever see such a camera whole.
 */
export function cameraSizes(width: number, height: number): Partial<Record<CameraLayer, number>> {
  const points = width * height;
  return points >= 960 * 540 ? { l: 4, m: 2, h: 1 } : points >= 480 * 270 ? { l: 2, m: 1 } : { l: 1 };
}

/** Heights of a tile, in device pixels, up to which the server sends the low and the middle layer (media/pace.LayerFor). */
export const layerHeights = { l: 225, m: 450 } as const;

export function layerFor(height: number): CameraLayer | null {
  if (height <= 0) return null;
  return height <= layerHeights.l ? "l" : height <= layerHeights.m ? "m" : "h";
}
