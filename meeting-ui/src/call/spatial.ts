/**
 * A camera in spatial layers of VP9 (RFC 9628): one encoding, whose picture each receiver gets as large as it needs, in place of
 * several of VP8. It is sent only while all who receive take it, which the server says; VP8 is what everybody has.
 */
import { spatialRates, type CameraLayer } from "./rates.ts";

/** What the library of types does not know yet of an encoding. */
export type Encoding = RTCRtpEncodingParameters & { scalabilityMode?: string; codec?: RTCRtpCodec };

/**
 * In each mode three temporal layers, and each spatial layer needs the one below in every picture: what arrives of a picture
 * without its lowest layer can't be decoded, and is waited for. In the _KEY modes it can be, and libwebrtc goes on without the
 * lowest layer, which then stops for good (docs/measurements.md). The server may leave out upper ones at any picture.
 */
const modes = ["L1T3", "L2T3", "L3T3"] as const;
export const names: CameraLayer[] = ["l", "m", "h"];

/** VP9 of 8 bits, which is what all have that have it. */
export function vp9Of(codecs: readonly RTCRtpCodec[]): RTCRtpCodec | undefined {
  return codecs.find((c) => c.mimeType.toLowerCase() === "video/vp9" && /^(?!.*profile-id=)|profile-id=0\b/.test(c.sdpFmtpLine ?? ""));
}
export function vp8Of(codecs: readonly RTCRtpCodec[]): RTCRtpCodec | undefined {
  return codecs.find((c) => c.mimeType.toLowerCase() === "video/vp8");
}

/** Browser tests alone say otherwise: test builds with `huisclos.vp9` in localStorage, "on" or "off". */
const asked = (): string | null => __TESTHOOK__ ? globalThis.localStorage?.getItem("huisclos.vp9") ?? null : null;

/** What the library of types does not know of: only Chromium has it. */
type Device = Navigator & { userAgentData?: { mobile: boolean } };

/**
 * Whether this device makes VP9, if all take it. It costs a quarter more of a processor than VP8 (docs/measurements.md), so that a
 * computer with few of them, and a phone, whose battery and heat pay for it, leave it to others.
 */
export function makesVP9(device: Pick<Device, "hardwareConcurrency" | "userAgentData"> | undefined = globalThis.navigator): boolean {
  return (asked() === "on" || ((device?.hardwareConcurrency ?? 1) >= 4 && !device?.userAgentData?.mobile)) && takesVP9();
}

/**
 * Whether this browser has them: whether it takes a sender's word for the mode, which it does not repeat where it has none. Who makes
 * them has libwebrtc's decoder too, which takes them. Firefox receives VP9, but saw no picture of a call's layers (docs/measurements.md).
 */
export function takesVP9(): boolean {
  if (asked() === "off") return false;
  let pc: RTCPeerConnection | undefined;
  try {
    const received = vp9Of(RTCRtpReceiver.getCapabilities("video")?.codecs ?? []), codec = vp9Of(RTCRtpSender.getCapabilities("video")?.codecs ?? []);
    if (!received || !codec) return false;
    pc = new RTCPeerConnection();
    const encoding: Encoding = { codec, scalabilityMode: modes[2] };
    const said = pc.addTransceiver("video", { direction: "sendonly", sendEncodings: [encoding] }).sender.getParameters().encodings[0] as Encoding | undefined;
    return said?.scalabilityMode === modes[2] && said.codec?.mimeType.toLowerCase() === "video/vp9";
  } catch {
    return false;
  } finally {
    pc?.close();
  }
}

/**
 * The one encoding that sends, the first: libwebrtc makes spatial layers of no other. Sizes are what the picture is divided by in each
 * layer that the camera has, wanted those that somebody receives: the highest decides, and has those below it in its rate.
 */
export function spatial(sizes: Partial<Record<string, number>>, wanted: readonly string[]): { active: boolean; scalabilityMode: string; scaleResolutionDownBy: number; maxBitrate: number } {
  const most = names.findLastIndex((n) => sizes[n] !== undefined), top = Math.max(0, Math.min(most, names.findLastIndex((n) => wanted.includes(n))));
  const name = names[top]!;
  return { active: wanted.length > 0, scalabilityMode: modes[top]!, scaleResolutionDownBy: sizes[name] ?? 1, maxBitrate: spatialRates[name] };
}
