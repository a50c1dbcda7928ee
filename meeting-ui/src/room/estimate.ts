/**
 * What a meeting needs of one's line, before it begins: a pure function of how many people there are and of how large they would
 * be drawn here. It lays the tiles out as the call does, gives each the layer that the server would send for its height, and adds
 * what packets weigh. Nothing is asked of anybody for it.
 *
 * It reckons with VP8 in three sizes, which anybody may bring the room to; in VP9 (call/spatial.ts) the way up has less and the way
 * down a little more, both within a fifth.
 *
 * It assumes that cameras and microphones are on and that cameras give 720 lines with enough in the picture to fill their rates,
 * that the others' windows are like this one, that nobody shares a screen and that nothing is lost. So it is what the line should
 * carry; a meeting where most are silent or still takes less.
 */
import { camera, cameraRates, cameraSizes, layerFor, screenRate, soundRate, type CameraLayer } from "../call/rates.ts";
import type { Budget } from "../api/index.ts";
import { arrange, wanted, type Seat } from "../stage/arrange.ts";
import type { Space } from "../stage/layout.ts";
import type { Layout } from "../stage/view.ts";

/** Bits a second on the line, in IPv4 packets with all headers. */
export type Rate = number;
export interface Estimate { up: Rate; down: Rate }

/** A window as a person sees the call in it: CSS pixels, and device pixels to each. */
export interface View { width: number; height: number; pixelRatio: number; layout: Layout | null }

/** Octets around the payload of a packet: IPv4 20, UDP 8, RTP with its extensions 20 (RFC 3550 §5.1, RFC 8285), the tag of AES-GCM 16 (RFC 7714). */
const packet = 64;
/** Octets of VP8's payload descriptor with picture id, TL0PICIDX and TID (RFC 7741 §4.2). */
const descriptor = 6;
/** Octets that a sealed frame is longer: clear prefix (of a picture 3), SFrame header, kind, tag (crypto/sframe). */
const sealed = { picture: 28, sound: 24 };
/** Payload of a packet at most, in octets: browsers keep RTP packets within 1,200. */
const payload = 1150;
/** Frames of Opus a second. */
const soundFrames = 50;
/** Reports and feedback of the other direction (RFC 3550 §6.2 gives them a twentieth), connectivity checks. */
const feedback = 0.02;

/** Octets of a sealed frame of a picture, and how many packets it takes. */
function frame(encoded: Rate): { octets: number; packets: number } {
  const octets = encoded / 8 / camera.frames + sealed.picture;
  return { octets, packets: Math.ceil(octets / payload) };
}
/** A picture's rate on the line. */
export function picture(encoded: Rate): Rate {
  const f = frame(encoded);
  return (f.octets + f.packets * (packet + descriptor)) * 8 * camera.frames;
}
/** A microphone's. */
export const voice: Rate = (soundRate / 8 / soundFrames + sealed.sound + packet) * 8 * soundFrames;

/** What a shared screen adds for everybody who sees it, at most. */
export const sharing: Rate = picture(screenRate);

/** Where the pictures stand in a window: below the strip, above the bar (css/stage.css, ui-kit's tokens). */
export function spaceOf({ width, height }: Pick<View, "width" | "height">): Space {
  const lying = height <= 480 && width >= 480;
  const around = lying ? 60 + 8 : height <= 480 ? 60 + 40 : width <= 480 ? 72 + 48 : 80 + 56;
  return { width: Math.max(0, width - 24), height: Math.max(0, height - around) };
}

/** The best layer that there is of a camera of so many lines: in place of one that is not there the server sends the next smaller one (media/pace, `nearest`). */
function best(wanted: CameraLayer, lines: number): CameraLayer {
  const sizes = cameraSizes((lines * camera.width) / camera.height, lines);
  return wanted === "h" && !sizes.h ? best("m", lines) : wanted === "m" && !sizes.m ? "l" : wanted;
}

/** The layers that a window receives with so many people in the room, the own included in the number, and cameras of so many lines. */
export function layers(people: number, view: View, lines: number = camera.height): CameraLayer[] {
  const seats: Seat[] = Array.from({ length: people }, (_, leaf) => ({ key: String(leaf), leaf, me: leaf === 0, cam: true, screen: false, screenStream: null }));
  const { tiles } = arrange({ people: seats, layout: view.layout, pinned: null, speaker: null, corner: "bottom-right", page: 0 }, spaceOf(view));
  return wanted(tiles, view.pixelRatio).map((t) => layerFor(t.height)).filter((l) => l !== null).map((l) => best(l, lines));
}

/** Layers of the own camera that are sent: those that others receive, the lowest as long as anybody does (media/pace.Demand). */
function sent(received: CameraLayer[]): CameraLayer[] {
  return received.length === 0 ? [] : [...new Set<CameraLayer>(["l", ...received])];
}

const sum = (list: Rate[]): Rate => list.reduce((a, b) => a + b, 0);

/** What each of so many people may be sent, where the organisation bounds it; the server gives all the same share (media, `Budget`). */
export function share(people: number, budget?: Budget): Rate {
  return Math.min(budget?.person || Infinity, (budget?.call || Infinity) / people);
}

/** The layers that fit: no picture is taken away as long as another one can be smaller, and never a voice. */
function fit(shown: CameraLayer[], rate: Rate): CameraLayer[] {
  const kept = [...shown], smaller = { h: "m", m: "l" } as const;
  const cost = () => sum(kept.map((l) => picture(cameraRates[l])));
  for (const size of ["h", "m"] as const) for (let at; cost() > rate && (at = kept.lastIndexOf(size)) >= 0;) kept[at] = smaller[size];
  while (cost() > rate && kept.length > 0) kept.pop();
  return kept;
}

export function estimate(people: number, view: View, lines: number = camera.height, budget?: Budget): Estimate {
  if (people < 2) return { up: 0, down: 0 };
  const shown = fit(layers(people, view, lines), share(people, budget) - (people - 1) * voice);
  const down = sum(shown.map((l) => picture(cameraRates[l]))) + (people - 1) * voice;
  const up = sum(sent(shown).map((l) => picture(cameraRates[l]))) + voice;
  return { up: up + feedback * down, down: down + feedback * up };
}

/** The own camera in all its sizes: somebody shows it large, somebody else small. */
export const mostUp: Rate = sum(Object.values(cameraRates).map(picture)) + voice;

/** What a server carries of a room of so many who all see it in such a window; packets a second that it sends. */
export interface ServerLoad { received: Rate; sent: Rate; packets: number }
export function server(people: number, view: View): ServerLoad {
  const one = estimate(people, view), pictures = sum(layers(people, view).map((l) => frame(cameraRates[l]).packets * camera.frames));
  return { received: people * one.up, sent: people * one.down, packets: people * (pictures + Math.max(0, people - 1) * soundFrames) };
}

/** Mbit/s with two digits that mean something: 0.35 → 0.4, 2.14 → 2.1, 12.3 → 12. Rounded up, as a line should carry it. */
export function megabits(rate: Rate): number {
  const m = rate / 1e6;
  return m < 10 ? Math.ceil(m * 10 - 0.001) / 10 : Math.ceil(m - 0.001);
}
