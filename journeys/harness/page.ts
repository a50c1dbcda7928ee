/**
 * What runs inside the pages under test, before their own scripts. It replaces camera, microphone and screen where the
 * browser can't play a file into them, and it reads numbers and tones out of what was received. Each function is handed
 * to the browser as text, so it refers to nothing outside itself.
 */

export interface Source {
  id: number;
  width: number;
  height: number;
  fps: number;
  tones: [number, number];
  toneMs: number;
  /** The browser's own fake devices play the clip; only the screen is replaced. */
  devices: 'browser' | 'page';
  /** "refused", "in-use", "not-found": what opening the device ends in. */
  camera: string;
  microphone: string;
  /** Draws a person instead of numbers: for pictures that people look at. */
  portrait: boolean;
}

declare global {
  interface Window {
    __cells?: (id: number, n: number) => boolean[];
    __source?: Source;
    __readers?: { video(stream: MediaStream): { id: number; n: number; at: number; width: number; height: number }[]; tones(stream: MediaStream): { hz: number; at: number }[]; /** Stops reading until somebody asks again: many readers on few cores read nothing. */ rest(): void };
    /** Signalling of this page: what was sent and heard, by type and time. For reports of failures. */
    __trace?: string[];
    __paint?: (id: number, n: number, g: CanvasRenderingContext2D, w: number, h: number) => void;
  }
}

/** The devices of a person, drawn and played by the page itself. */
export function installDevices(source: Source): void {
  window.__source = source;
  const columns = 6, rows = 4, idBits = 4, numberBits = 10;
  const cells = (id: number, n: number): boolean[] => {
    const bits: boolean[] = [true, false];
    for (let i = 0; i < idBits; i++) bits.push(((id >> i) & 1) === 1);
    for (let i = 0; i < numberBits; i++) bits.push(((n >> i) & 1) === 1);
    while (bits.length < columns * rows) {
      const k = bits.length - 2 - idBits - numberBits;
      let p = k % 2 === 0;
      for (let i = 2; i < 2 + idBits + numberBits; i++) if (((i * 2654435761) >>> (k * 3)) & 1) p = p !== bits[i]!;
      bits.push(p);
    }
    return bits;
  };
  const paint = (id: number, n: number, g: CanvasRenderingContext2D, w: number, h: number) => {
    const bits = cells(id, n);
    for (let r = 0; r < rows; r++) for (let c = 0; c < columns; c++) {
      g.fillStyle = bits[r * columns + c] ? '#fff' : '#000';
      g.fillRect((c * w) / columns, (r * h) / rows, w / columns + 1, h / rows + 1);
    }
  };
  /** Somebody before a wall, who sways a little. */
  const portrait = (id: number, n: number, g: CanvasRenderingContext2D, w: number, h: number) => {
    const looks = [['#8fb7b3', '#d9e6df', '#27424a', '#e3b596', '#3b2a22'], ['#d8b48a', '#f1e3cf', '#7a3b2e', '#8a5a3f', '#1d1714'], ['#8d9cc4', '#dfe3f1', '#4a3f6b', '#f0c9ad', '#9a6b3c'], ['#9db388', '#e5ebd8', '#39513b', '#c88f6a', '#2a2320']];
    const [far, near, coat, skin, hair] = looks[id % looks.length] as [string, string, string, string, string];
    const sway = Math.sin(n / 9) * w * 0.006, x = w / 2 + sway, u = h / 100;
    const wall = g.createLinearGradient(0, 0, w, h);
    wall.addColorStop(0, near);
    wall.addColorStop(1, far);
    g.fillStyle = wall;
    g.fillRect(0, 0, w, h);
    g.fillStyle = '#ffffff33';
    g.fillRect(w * 0.08, h * 0.1, w * 0.2, h * 0.42);
    g.fillRect(w * 0.76, h * 0.3, w * 0.16, h * 0.03);
    const oval = (color: string, cx: number, cy: number, rx: number, ry: number) => { g.fillStyle = color; g.beginPath(); g.ellipse(cx, cy, rx, ry, 0, 0, 2 * Math.PI); g.fill(); };
    oval(hair, x, 45 * u, 18 * u, 24 * u);
    oval(coat, w / 2, 110 * u, 46 * u, 40 * u);
    g.fillStyle = skin;
    g.fillRect(x - 6 * u, 58 * u, 12 * u, 18 * u);
    oval(skin, x, 74 * u, 9 * u, 5 * u);
    oval(skin, x, 47 * u, 14 * u, 18 * u);
    g.fillStyle = hair;
    g.beginPath();
    g.ellipse(x, 38 * u, 15.5 * u, 12 * u, 0, Math.PI, 2 * Math.PI);
    g.fill();
    const blink = n % 47 === 0 ? 0.3 : 1.4;
    oval('#2b2320', x - 5 * u, 47 * u, 1.4 * u, blink * u);
    oval('#2b2320', x + 5 * u, 47 * u, 1.4 * u, blink * u);
    g.strokeStyle = '#7c3f34';
    g.lineWidth = 1.1 * u;
    g.beginPath();
    g.arc(x, 53 * u, 5 * u, 0.25 * Math.PI, 0.75 * Math.PI);
    g.stroke();
  };
  const draw = source.portrait ? portrait : paint;
  // A worker's clock: timers of a page in the background are slowed down, and most of the pages under test are.
  const pictures = (id: number, width: number, height: number, fps: number): MediaStreamTrack => {
    const canvas = document.createElement('canvas');
    canvas.width = width;
    canvas.height = height;
    const g = canvas.getContext('2d', { alpha: false })!;
    let n = 0;
    draw(id, n, g, width, height);
    const track = canvas.captureStream(fps).getVideoTracks()[0]!;
    const timer = setInterval(() => {
      if (track.readyState === 'ended') { clearInterval(timer); return; }
      n = (n + 1) % 1024;
      draw(id, n, g, width, height);
    }, 1000 / fps);
    return track;
  };
  const sound = async (tones: [number, number], toneMs: number): Promise<MediaStreamTrack> => {
    type Capturing = HTMLAudioElement & { mozCaptureStream?(): MediaStream };
    if ('mozCaptureStream' in HTMLMediaElement.prototype) {
      // Firefox runs no AudioContext on a machine without a sound card; an element plays into a stream all the same.
      const rate = 48_000, samples = (rate * toneMs * 2 * 10) / 1000, view = new DataView(new ArrayBuffer(44 + samples * 2));
      const put = (at: number, t: string) => { for (let i = 0; i < t.length; i++) view.setUint8(at + i, t.charCodeAt(i)); };
      put(0, 'RIFF'); view.setUint32(4, 36 + samples * 2, true); put(8, 'WAVEfmt '); view.setUint32(16, 16, true); view.setUint16(20, 1, true); view.setUint16(22, 1, true);
      view.setUint32(24, rate, true); view.setUint32(28, rate * 2, true); view.setUint16(32, 2, true); view.setUint16(34, 16, true); put(36, 'data'); view.setUint32(40, samples * 2, true);
      let phase = 0;
      for (let i = 0; i < samples; i++) {
        phase += (2 * Math.PI * tones[Math.floor((i * 1000) / rate / toneMs) % 2]!) / rate;
        view.setInt16(44 + i * 2, Math.round(Math.sin(phase) * 12_000), true);
      }
      const player = new Audio(URL.createObjectURL(new Blob([view.buffer], { type: 'audio/wav' }))) as Capturing;
      player.loop = true;
      const stream = player.mozCaptureStream!();
      await player.play();
      const track = stream.getAudioTracks()[0]!, stop = track.stop.bind(track);
      track.stop = () => { player.pause(); stop(); };
      return track;
    }
    const context = new AudioContext(), o = context.createOscillator(), gain = context.createGain(), out = context.createMediaStreamDestination();
    gain.gain.value = 0.35;
    o.connect(gain).connect(out);
    o.start();
    let high = false;
    const track = out.stream.getAudioTracks()[0]!;
    const timer = setInterval(() => {
      if (track.readyState === 'ended') { clearInterval(timer); void context.close(); return; }
      high = !high;
      o.frequency.value = tones[high ? 1 : 0];
    }, toneMs);
    o.frequency.value = tones[0];
    void context.resume();
    return track;
  };
  const fail = (what: string): void => {
    const names: Record<string, string> = { 'refused': 'NotAllowedError', 'in-use': 'NotReadableError', 'not-found': 'NotFoundError' };
    if (what !== '') throw new DOMException(`the test says: ${what}`, names[what]);
  };
  const media = navigator.mediaDevices;
  if (!media) return;
  const real = media.getUserMedia.bind(media);
  media.getUserMedia = async (wanted) => {
    if (wanted?.audio) fail(window.__source!.microphone);
    if (wanted?.video) fail(window.__source!.camera);
    if (source.devices === 'browser') {
      // Tones are what a noise suppressor is made to remove.
      const audio = wanted?.audio ? { echoCancellation: false, noiseSuppression: false, autoGainControl: false } : false;
      return real({ ...(wanted?.video ? { video: wanted.video } : {}), ...(audio ? { audio } : {}) });
    }
    const tracks: MediaStreamTrack[] = [];
    if (wanted?.audio) tracks.push(await sound(source.tones, source.toneMs));
    if (wanted?.video) tracks.push(pictures(source.id, source.width, source.height, source.fps));
    return new MediaStream(tracks);
  };
  media.getDisplayMedia = async () => new MediaStream([pictures(source.id + 8, source.width, source.height, source.fps)]);
  window.__cells = cells;
  window.__paint = paint;
}

/** Notes what passes on the page's line, by type. */
export function installTrace(): void {
  const trace: string[] = (window.__trace = []);
  const note = (arrow: string, data: unknown) => {
    if (typeof data !== 'string') return;
    const m = JSON.parse(data) as { type: string; epoch?: number; reason?: string; code?: string; state?: string; request?: string };
    trace.push(`${(performance.now() / 1000).toFixed(2)}${arrow}${m.type}${['epoch', 'state', 'reason', 'code', 'request'].map((k) => (m[k as 'epoch'] === undefined ? '' : ` ${m[k as 'epoch']}`)).join('')}`);
    if (trace.length > 400) trace.splice(0, 100);
  };
  const Real = window.WebSocket;
  window.WebSocket = class extends Real {
    constructor(url: string | URL, protocols?: string | string[]) {
      super(url, protocols);
      this.addEventListener('message', (e) => note('<', e.data));
      this.addEventListener('close', (e) => trace.push(`${(performance.now() / 1000).toFixed(2)} closed ${e.code}`));
    }
    override send(data: string): void { note('>', data); super.send(data); }
  } as typeof WebSocket;
}

/** Readers of numbers and tones. */
export function installReaders(frequencies: number[]): void {
  const columns = 6, rows = 4, idBits = 4, numberBits = 10;
  const videos = new Map<MediaStream, { id: number; n: number; at: number; width: number; height: number }[]>();
  const sounds = new Map<MediaStream, { hz: number; at: number }[]>();
  let stops: (() => void)[] = [];
  const decode = (g: CanvasRenderingContext2D, w: number, h: number): { id: number; n: number } | null => {
    const px = g.getImageData(0, 0, w, h).data;
    const light: number[] = [];
    for (let r = 0; r < rows; r++) for (let c = 0; c < columns; c++) {
      let sum = 0, count = 0;
      const x0 = Math.floor(((c + 0.35) * w) / columns), x1 = Math.ceil(((c + 0.65) * w) / columns), y0 = Math.floor(((r + 0.35) * h) / rows), y1 = Math.ceil(((r + 0.65) * h) / rows);
      for (let y = y0; y < y1; y++) for (let x = x0; x < x1; x++) { sum += px[(y * w + x) * 4 + 1]!; count++; }
      light.push(sum / Math.max(1, count));
    }
    const white = light[0]!, black = light[1]!;
    if (white - black < 80) return null;
    const bits = light.map((v) => v > (white + black) / 2);
    let id = 0, n = 0;
    for (let i = 0; i < idBits; i++) if (bits[2 + i]) id |= 1 << i;
    for (let i = 0; i < numberBits; i++) if (bits[2 + idBits + i]) n |= 1 << i;
    const expected = window.__cells!(id, n);
    return expected.every((v, i) => v === bits[i]) ? { id, n } : null;
  };
  window.__readers = {
    rest() {
      for (const stop of stops) stop();
      stops = [];
      videos.clear();
      sounds.clear();
    },
    video(stream) {
      const known = videos.get(stream);
      if (known) return known;
      const seen: { id: number; n: number; at: number; width: number; height: number }[] = [];
      videos.set(stream, seen);
      const video = document.createElement('video'), canvas = document.createElement('canvas');
      video.muted = true;
      video.playsInline = true;
      video.srcObject = stream;
      void video.play().catch(() => undefined);
      canvas.width = 120;
      canvas.height = 80;
      const g = canvas.getContext('2d', { willReadFrequently: true, alpha: false })!;
      const look = () => {
        if (video.videoWidth > 0) {
          g.drawImage(video, 0, 0, 120, 80);
          const r = decode(g, 120, 80), last = seen[seen.length - 1];
          if (r && (!last || last.n !== r.n || last.id !== r.id)) seen.push({ ...r, at: performance.now(), width: video.videoWidth, height: video.videoHeight });
          if (seen.length > 3000) seen.splice(0, 1000);
        }
      };
      const timer = setInterval(look, 40);
      stops.push(() => { clearInterval(timer); video.srcObject = null; });
      return seen;
    },
    tones(stream) {
      const known = sounds.get(stream);
      if (known) return known;
      const heard: { hz: number; at: number }[] = [];
      sounds.set(stream, heard);
      if ('mozCaptureStream' in HTMLMediaElement.prototype) {
        // No AudioContext without a sound card (see above): what is heard is recorded by the second, and looked at.
        let on = true;
        stops.push(() => { on = false; });
        const listen = async () => {
          while (on) {
            try {
              const recorder = new MediaRecorder(new MediaStream(stream.getAudioTracks()), { mimeType: 'audio/webm;codecs=opus' }), parts: Blob[] = [];
              recorder.ondataavailable = (e) => { parts.push(e.data); };
              const stopped = new Promise((done) => { recorder.onstop = done; });
              recorder.start();
              await new Promise((done) => setTimeout(done, 1000));
              recorder.stop();
              await stopped;
              const at = performance.now(), x = (await new OfflineAudioContext(1, 48_000, 48_000).decodeAudioData(await new Blob(parts).arrayBuffer())).getChannelData(0), n = 2400;
              for (let from = 0; from + n <= x.length; from += n) {
                let best = 0, power = 0;
                for (const hz of frequencies) {
                  // Goertzel: one frequency's share of the sound.
                  const k = 2 * Math.cos((2 * Math.PI * hz) / 48_000);
                  let a = 0, b = 0;
                  for (let i = 0; i < n; i++) { const c = x[from + i]! + k * a - b; b = a; a = c; }
                  const p = a * a + b * b - k * a * b;
                  if (p > power) { power = p; best = hz; }
                }
                let all = 0;
                for (let i = 0; i < n; i++) all += x[from + i]! ** 2;
                // The frequency carries at least half of what is heard.
                if (all > 0.5 && power > 0.25 * n * all) heard.push({ hz: best, at });
              }
            } catch { await new Promise((done) => setTimeout(done, 500)); }
            if (heard.length > 3000) heard.splice(0, 1000);
          }
        };
        void listen();
        return heard;
      }
      const context = new AudioContext(), analyser = context.createAnalyser();
      void context.resume();
      analyser.fftSize = 4096;
      analyser.smoothingTimeConstant = 0;
      context.createMediaStreamSource(stream).connect(analyser);
      const bins = new Float32Array(analyser.frequencyBinCount);
      const timer = setInterval(() => {
        analyser.getFloatFrequencyData(bins);
        let best = 0;
        for (let i = 1; i < bins.length; i++) if (bins[i]! > bins[best]!) best = i;
        if (bins[best]! > -60) heard.push({ hz: Math.round((best * context.sampleRate) / analyser.fftSize), at: performance.now() });
        if (heard.length > 3000) heard.splice(0, 1000);
      }, 100);
      stops.push(() => { clearInterval(timer); void context.close(); });
      return heard;
    },
  };
}
