// The signalling of one mediasoup worker, for bench/sfu: each line of standard input is a request in JSON, each line of standard output
// its answer. mediasoup is the npm package of that name, found through NODE_PATH; its worker is the program that MEDIASOUP_WORKER_BIN names.
import { createRequire } from 'node:module';
import process from 'node:process';
import readline from 'node:readline';

const mediasoup = createRequire(`${process.cwd()}/`)('mediasoup');

const say = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);

const codecs = [
  { kind: 'audio', mimeType: 'audio/opus', clockRate: 48000, channels: 2, preferredPayloadType: 111 },
  { kind: 'video', mimeType: 'video/VP8', clockRate: 90000, preferredPayloadType: 96 },
];

/** By name: its router, the producers of its peers, the transports that they receive on. */
const meetings = new Map();
/** One port for all transports where the release has WebRtcServer; else each transport has its own. */
let server;
let worker;

async function transport(router) {
  return router.createWebRtcTransport(server === undefined ? { listenIps: ['127.0.0.1'], enableTcp: false } : { webRtcServer: server });
}

/** What a client has to know of a transport. */
const described = (t) => ({
  ice: t.iceParameters,
  fingerprint: t.dtlsParameters.fingerprints.find((f) => f.algorithm === 'sha-256').value,
  port: t.iceCandidates[0].port,
});

const connect = (t, fingerprint) => t.connect({ dtlsParameters: { role: 'client', fingerprints: [{ algorithm: 'sha-256', value: fingerprint }] } });

const requests = {
  async open({ meeting }) {
    meetings.set(meeting, { router: await worker.createRouter({ mediaCodecs: codecs }), producers: [], receiving: new Map() });
    return {};
  },

  async publish({ meeting, peer, fingerprint, tracks }) {
    const m = meetings.get(meeting);
    const t = await transport(m.router);
    await connect(t, fingerprint);
    for (const track of tracks) m.producers.push({ peer, producer: await t.produce(track) });
    return described(t);
  },

  async subscribe({ meeting, peer }) {
    const m = meetings.get(meeting);
    const t = await transport(m.router);
    m.receiving.set(peer, t);
    const tracks = [];
    for (const { peer: of, producer } of m.producers) {
      if (of === peer) continue;
      const consumer = await t.consume({ producerId: producer.id, rtpCapabilities: m.router.rtpCapabilities });
      tracks.push({ kind: consumer.kind, rtpParameters: consumer.rtpParameters });
    }
    return { ...described(t), tracks };
  },

  async connect({ meeting, peer, fingerprint }) {
    await connect(meetings.get(meeting).receiving.get(peer), fingerprint);
    return {};
  },
};

worker = await mediasoup.createWorker({ logLevel: 'warn' });
worker.on('died', (error) => {
  process.stderr.write(`${error}\n`);
  process.exit(1);
});
if (worker.createWebRtcServer !== undefined) {
  server = await worker.createWebRtcServer({ listenInfos: [{ protocol: 'udp', ip: '127.0.0.1', port: 7884 }] });
}
say({ worker: worker.pid, version: mediasoup.version });
const lines = readline.createInterface({ input: process.stdin });
lines.on('line', async (line) => {
  const { id, method, ...rest } = JSON.parse(line);
  try {
    say({ id, result: await requests[method](rest) });
  } catch (error) {
    say({ id, error: String(error) });
  }
});
lines.on('close', () => worker.close());
