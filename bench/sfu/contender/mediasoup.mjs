// mediasoup behind lines of JSON: {id, call, …} comes in, {id, …} goes out. One worker, one WebRtcTransport (ICE-lite, a UDP port of
// its own) for each connection of a client. Descriptions are written as far as the generator reads them.
//
// Where the module is: NODE_PATH. Where the worker is: MEDIASOUP_WORKER_BIN, as for any program of mediasoup.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const mediasoup = createRequire(process.cwd() + "/")("mediasoup");
const say = (line) => process.stdout.write(JSON.stringify(line) + "\n");

const MID = "urn:ietf:params:rtp-hdrext:sdes:mid";
const TWCC = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01";
const feedback = ["nack", "nack pli", "ccm fir", "transport-cc"].map((f) => ({ type: f.split(" ")[0], parameter: f.split(" ")[1] ?? "" }));
const mediaCodecs = [
  { kind: "audio", mimeType: "audio/opus", clockRate: 48000, channels: 2 },
  { kind: "video", mimeType: "video/VP8", clockRate: 90000 },
];

const worker = await mediasoup.createWorker({ logLevel: "none", rtcMinPort: 20000, rtcMaxPort: 59999 });
const routers = new Map(); // by meeting: {router, producers: [{peer, producer}]}
const receiving = new Map(); // by meeting and peer: {transport, consumers}

const transport = (router) => router.createWebRtcTransport({ listenIps: ["127.0.0.1"], enableUdp: true, enableTcp: false, initialAvailableOutgoingBitrate: 200e6 });

function transportLines(t, setup) {
  const print = t.dtlsParameters.fingerprints.find((f) => f.algorithm === "sha-256").value;
  const c = t.iceCandidates[0];
  return ["c=IN IP4 0.0.0.0", `a=ice-ufrag:${t.iceParameters.usernameFragment}`, `a=ice-pwd:${t.iceParameters.password}`,
    `a=fingerprint:sha-256 ${print}`, `a=setup:${setup}`, `a=candidate:1 1 udp ${c.priority} ${c.ip} ${c.port} typ host`, "a=rtcp-mux", "a=rtcp-rsize"];
}

const head = ["v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "t=0 0", "a=ice-lite"];
const text = (lines) => lines.join("\r\n") + "\r\n";

function section(t, setup, direction, kind, mid, parameters) {
  const lines = [`m=${kind} 9 UDP/TLS/RTP/SAVPF ${parameters.codecs.map((c) => c.payloadType).join(" ")}`, ...transportLines(t, setup), `a=mid:${mid}`, `a=${direction}`];
  for (const c of parameters.codecs) {
    lines.push(`a=rtpmap:${c.payloadType} ${c.mimeType.split("/")[1]}/${c.clockRate}${c.channels > 1 ? "/" + c.channels : ""}`);
    if (c.parameters?.apt) lines.push(`a=fmtp:${c.payloadType} apt=${c.parameters.apt}`);
    for (const f of c.rtcpFeedback ?? []) lines.push(`a=rtcp-fb:${c.payloadType} ${f.type}${f.parameter ? " " + f.parameter : ""}`);
  }
  for (const e of parameters.headerExtensions) lines.push(`a=extmap:${e.id} ${e.uri}`);
  for (const e of parameters.encodings) {
    lines.push(`a=ssrc:${e.ssrc} cname:bench`);
    if (e.rtx) lines.push(`a=ssrc:${e.rtx.ssrc} cname:bench`);
  }
  return lines;
}

const calls = {
  async open({ meeting }) {
    routers.set(meeting, { router: await worker.createRouter({ mediaCodecs }), producers: [] });
    return {};
  },

  // ssrcs: sound, video, repair; types: opus, VP8, RTX; fingerprint: of the client.
  async publish({ meeting, peer, ssrcs, types, fingerprint }) {
    const { router, producers } = routers.get(meeting);
    const t = await transport(router);
    await t.connect({ dtlsParameters: { role: "client", fingerprints: [{ algorithm: "sha-256", value: fingerprint }] } });
    const headerExtensions = [{ uri: MID, id: 1 }, { uri: TWCC, id: 3 }];
    const parameters = {
      audio: { mid: "0", headerExtensions, rtcp: { cname: "bench", reducedSize: true }, encodings: [{ ssrc: ssrcs[0] }],
        codecs: [{ mimeType: "audio/opus", payloadType: types[0], clockRate: 48000, channels: 2, rtcpFeedback: [{ type: "transport-cc", parameter: "" }] }] },
      video: { mid: "1", headerExtensions, rtcp: { cname: "bench", reducedSize: true }, encodings: [{ ssrc: ssrcs[1], rtx: { ssrc: ssrcs[2] } }],
        codecs: [{ mimeType: "video/VP8", payloadType: types[1], clockRate: 90000, rtcpFeedback: feedback },
          { mimeType: "video/rtx", payloadType: types[2], clockRate: 90000, parameters: { apt: types[1] } }] },
    };
    const lines = [...head];
    for (const kind of ["audio", "video"]) {
      producers.push({ peer, producer: await t.produce({ kind, rtpParameters: parameters[kind] }) });
      lines.push(...section(t, "passive", "recvonly", kind, parameters[kind].mid, { ...parameters[kind], encodings: [] }));
    }
    return { sdp: text(lines) };
  },

  async subscribe({ meeting, peer }) {
    const { router, producers } = routers.get(meeting);
    const t = await transport(router);
    const rtpCapabilities = { ...router.rtpCapabilities, headerExtensions: router.rtpCapabilities.headerExtensions.filter((e) => e.uri === MID || e.uri === TWCC) };
    const consumers = [], lines = [...head];
    for (const { peer: from, producer } of producers) {
      if (from === peer) continue;
      const consumer = await t.consume({ producerId: producer.id, rtpCapabilities, paused: true });
      lines.push(...section(t, "actpass", "sendonly", consumer.kind, String(consumers.length), consumer.rtpParameters));
      consumers.push(consumer);
    }
    receiving.set(meeting + "/" + peer, { transport: t, consumers });
    return { sdp: text(lines) };
  },

  async answer({ meeting, peer, fingerprint }) {
    const { transport: t, consumers } = receiving.get(meeting + "/" + peer);
    await t.connect({ dtlsParameters: { role: "client", fingerprints: [{ algorithm: "sha-256", value: fingerprint }] } });
    for (const c of consumers) await c.resume();
    return {};
  },
};

say({ worker: worker.pid, version: mediasoup.version });
for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line);
  calls[request.call](request).then((answer) => say({ id: request.id, ...answer }), (error) => say({ id: request.id, error: String(error) }));
}
worker.close();
