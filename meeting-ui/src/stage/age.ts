/** For how long after its inscription a device is shown as new (ms). */
export const newFor = 24 * 60 * 60 * 1000;

/**
 * On which day a new device was inscribed, by this browser's calendar; null where it is not new. Both are in ms. A time that is yet to
 * come is that of a server whose clock is ahead: the device is as new as can be.
 */
export function ageOf(inscribed: number, now: number): "today" | "yesterday" | null {
  if (now - inscribed >= newFor) return null;
  return inscribed >= new Date(now).setHours(0, 0, 0, 0) ? "today" : "yesterday";
}
