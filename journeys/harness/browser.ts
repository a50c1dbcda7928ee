/** Chromium by playwright-core and Firefox by WebDriver BiDi behind one small interface. Each person is a browser of its own. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { chromium, type Browser as Chromium, type BrowserContext, type Page as ChromiumPage } from 'playwright-core';
import puppeteer, { type Browser as Firefox, type Page as FirefoxPage } from 'puppeteer-core';
import { allTones, soundFile, tones, toneMs, videoFile, type Size } from './clip.ts';
import type { Line } from './line.ts';
import { installDevices, installReaders, installTrace, type Source } from './page.ts';

export type Engine = 'chromium' | 'firefox';
export interface Look { width?: number; height?: number; dark?: boolean; lang?: 'fr' | 'en'; touch?: boolean }
export interface BrowserOptions {
  engine: Engine; id: number; size: Size; camera?: string; microphone?: string; look?: Look;
  /** Play the clip through the browser's own fake devices (Chromium). */
  clip?: boolean;
  /** A y4m file in place of the clip's pictures (Chromium). */
  film?: string;
  /** A drawn person in place of the clip's numbers. */
  portrait?: boolean;
  /** SHA-256 of the public key (SPKI) of a certificate to trust, in Base64: Chromium, which else takes no TURN inside TLS from it. */
  trust?: string;
  /** A certificate authority (PEM file) to trust by itself, for pages and TURN alike, and no certificate beside. Chromium makes no passkeys on a page whose certificate it was told to overlook. */
  authority?: string;
  /** host:port of an HTTP proxy that everything goes through. */
  proxy?: string;
  /** The network that the browser is in; otherwise the appliance's own. */
  line?: Line;
}

type Fn<A, R> = (arg: A) => R | Promise<R>;

/** One tab. */
export interface Tab {
  readonly engine: Engine;
  readonly console: string[];
  goto(url: string): Promise<void>;
  reload(): Promise<void>;
  run<A, R>(fn: Fn<A, R>, arg?: A): Promise<R>;
  press(key: string): Promise<void>;
  type(text: string): Promise<void>;
  screenshot(file: string): Promise<void>;
  resize(width: number, height: number): Promise<void>;
  url(): string;
  /** As a crash or a power cut: no handler of the page runs. */
  kill(): Promise<void>;
  close(): Promise<void>;
}

export interface Person {
  readonly engine: Engine;
  readonly id: number;
  tab(): Promise<Tab>;
  close(): Promise<void>;
}

const find = (...names: string[]): string => {
  for (const n of names) for (const dir of (process.env.PATH ?? '/usr/bin').split(':')) if (existsSync(path.join(dir, n))) return path.join(dir, n);
  throw new Error(`none of ${names.join(', ')} is installed`);
};

const behind = <O extends { executablePath: string }>(line: Line | undefined, o: O): O => line ? { ...o, executablePath: line.through(o.executablePath) } : o;

export async function open(o: BrowserOptions): Promise<Person> {
  const clip = o.clip ?? (o.engine === 'chromium' && !o.portrait);
  const source: Source = {
    id: o.id, width: o.size.width, height: o.size.height, fps: o.size.fps, tones: tones(o.id), toneMs,
    devices: clip && o.engine === 'chromium' ? 'browser' : 'page', camera: o.camera ?? '', microphone: o.microphone ?? '', portrait: o.portrait ?? false,
  };
  return o.engine === 'chromium' ? openChromium(o, source) : openFirefox(o, source);
}

/** A store of certificates (NSS) that trusts one authority. */
function trusting(store: string, authority: string): void {
  mkdirSync(store, { recursive: true });
  execFileSync('certutil', ['-N', '--empty-password', '-d', `sql:${store}`]);
  execFileSync('certutil', ['-A', '-d', `sql:${store}`, '-n', 'journeys', '-t', 'C,,', '-i', authority]);
}

async function openChromium(o: BrowserOptions, source: Source): Promise<Person> {
  const home = o.authority ? mkdtempSync(path.join(tmpdir(), 'huisclos-chromium-')) : null;
  if (home) trusting(path.join(home, '.pki/nssdb'), o.authority!);
  const browser: Chromium = await chromium.launch(behind(o.line, {
    executablePath: find('chromium', 'chromium-browser', 'google-chrome'), headless: true, chromiumSandbox: false,
    ...(home ? { env: { ...process.env, HOME: home } as Record<string, string> } : {}),
    ...(o.proxy ? { proxy: { server: `http://${o.proxy}` } } : {}),
    args: [
      '--use-fake-ui-for-media-stream', '--use-fake-device-for-media-stream',
      ...(source.devices === 'browser' ? [`--use-file-for-fake-video-capture=${o.film ?? videoFile(o.id, o.size)}`, `--use-file-for-fake-audio-capture=${soundFile(o.id)}`] : []),
      '--autoplay-policy=no-user-gesture-required', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--no-first-run', '--no-default-browser-check',
      '--disable-background-timer-throttling', '--disable-renderer-backgrounding', '--disable-backgrounding-occluded-windows', ...(home ? [] : ['--ignore-certificate-errors']), ...(o.trust ? [`--ignore-certificate-errors-spki-list=${o.trust}`] : []), '--disable-gpu', '--disable-dev-shm-usage',
      '--disable-features=WebRtcHideLocalIpsWithMdns',
    ],
  }));
  const look = o.look ?? {};
  const context: BrowserContext = await browser.newContext({
    ignoreHTTPSErrors: !home, viewport: { width: look.width ?? 1280, height: look.height ?? 720 }, colorScheme: look.dark ? 'dark' : 'light', locale: look.lang === 'fr' ? 'fr-FR' : 'en-GB', reducedMotion: 'reduce',
    hasTouch: look.touch ?? false, permissions: [],
  });
  await context.addInitScript(installDevices, source);
  await context.addInitScript(installReaders, allTones);
  await context.addInitScript(installTrace);
  return {
    engine: 'chromium', id: o.id,
    tab: async () => new ChromiumTab(await context.newPage()),
    close: async () => { await browser.close(); if (home) rmSync(home, { recursive: true, force: true, maxRetries: 5 }); },
  };
}

class ChromiumTab implements Tab {
  readonly engine = 'chromium';
  readonly console: string[] = [];
  constructor(readonly page: ChromiumPage) {
    page.on('dialog', (d) => { void d.accept().catch(() => undefined); });
    page.on('console', (m) => this.console.push(`${m.type()}: ${m.text()}`));
    page.on('pageerror', (e) => this.console.push(`pageerror: ${e.message}`));
    page.setDefaultTimeout(30_000);
  }
  async goto(url: string): Promise<void> { await this.page.goto(url, { waitUntil: 'load' }); }
  async reload(): Promise<void> { await this.page.reload({ waitUntil: 'load' }); }
  run<A, R>(fn: Fn<A, R>, arg?: A): Promise<R> { return this.page.evaluate(fn as never, arg as never) as Promise<R>; }
  press(key: string): Promise<void> { return this.page.keyboard.press(key); }
  type(text: string): Promise<void> { return this.page.keyboard.type(text); }
  async screenshot(file: string): Promise<void> { await this.page.screenshot({ path: file, animations: 'disabled' }); }
  resize(width: number, height: number): Promise<void> { return this.page.setViewportSize({ width, height }); }
  url(): string { return this.page.url(); }
  async kill(): Promise<void> {
    const session = await this.page.context().newCDPSession(this.page);
    // A crashed page answers nothing, not even this.
    const crashed = new Promise<void>((done) => { this.page.once('crash', () => done()); });
    session.send('Page.crash' as never).catch(() => undefined);
    await crashed;
  }
  async close(): Promise<void> { await this.page.close(); }
}

async function openFirefox(o: BrowserOptions, source: Source): Promise<Person> {
  const profile = mkdtempSync(path.join(tmpdir(), 'huisclos-firefox-')), look = o.look ?? {};
  if (o.authority) trusting(profile, o.authority);
  const browser: Firefox = await puppeteer.launch(behind(o.line, {
    ...(o.line ? { debuggingPort: await o.line.port() } : {}),
    browser: 'firefox' as const, executablePath: find('firefox-esr', 'firefox'), headless: true, acceptInsecureCerts: !o.authority, userDataDir: profile, protocolTimeout: 60_000,
    defaultViewport: { width: look.width ?? 1280, height: look.height ?? 720 },
    extraPrefsFirefox: {
      'media.navigator.streams.fake': true, 'media.navigator.permission.disabled': true, 'media.autoplay.default': 0, 'media.autoplay.blocking_policy': 0, 'media.autoplay.block-webaudio': false,
      'media.peerconnection.ice.obfuscate_host_addresses': false, 'intl.accept_languages': look.lang === 'fr' ? 'fr-FR, fr' : 'en-GB, en',
      'ui.systemUsesDarkTheme': look.dark ? 1 : 0, 'ui.prefersReducedMotion': 1, 'dom.min_background_timeout_value': 4, 'dom.timeout.enable_budget_timer_throttling': false,
      'app.update.disabledForTesting': true, 'datareporting.policy.dataSubmissionEnabled': false, 'network.captive-portal-service.enabled': false, 'network.connectivity-service.enabled': false,
      'browser.safebrowsing.downloads.enabled': false, 'media.gmp-manager.updateEnabled': false, 'dom.ipc.processCount': 2, 'extensions.systemAddon.update.enabled': false,
      ...(o.proxy ? { 'network.proxy.type': 1, 'network.proxy.ssl': o.proxy.split(':')[0]!, 'network.proxy.ssl_port': Number(o.proxy.split(':')[1]) } : {}),
    },
  }));
  return {
    engine: 'firefox', id: o.id,
    tab: async () => {
      const page = await browser.newPage();
      await page.evaluateOnNewDocument(installDevices, source);
      await page.evaluateOnNewDocument(installReaders, allTones);
      await page.evaluateOnNewDocument(installTrace);
      return new FirefoxTab(page);
    },
    close: async () => { await browser.close(); rmSync(profile, { recursive: true, force: true, maxRetries: 5 }); },
  };
}

class FirefoxTab implements Tab {
  readonly engine = 'firefox';
  readonly console: string[] = [];
  constructor(readonly page: FirefoxPage) {
    // "Leave this page?" is answered with yes.
    page.on('dialog', (d) => { void d.accept().catch(() => undefined); });
    page.on('console', (m) => this.console.push(`${m.type()}: ${m.text()}`));
    page.on('pageerror', (e) => this.console.push(`pageerror: ${e instanceof Error ? e.message : String(e)}`));
    page.setDefaultTimeout(30_000);
  }
  async goto(url: string): Promise<void> { await this.page.goto(url, { waitUntil: 'load' }); }
  async reload(): Promise<void> { await this.page.reload({ waitUntil: 'load' }); }
  run<A, R>(fn: Fn<A, R>, arg?: A): Promise<R> { return this.page.evaluate(fn as never, arg as never) as Promise<R>; }
  press(key: string): Promise<void> { return this.page.keyboard.press(key as never); }
  type(text: string): Promise<void> { return this.page.keyboard.type(text); }
  async screenshot(file: string): Promise<void> { await this.page.screenshot({ path: file as `${string}.png` }); }
  resize(width: number, height: number): Promise<void> { return this.page.setViewport({ width, height }); }
  url(): string { return this.page.url(); }
  async kill(): Promise<void> { await this.page.browser().process()?.kill('SIGKILL'); }
  async close(): Promise<void> { await this.page.close(); }
}

/** Waits until `check` gives something; the last answer is in the message when it does not. */
export async function until<T>(what: string, check: () => Promise<T | null | undefined | false>, ms = 20_000, every = 100): Promise<T> {
  const end = Date.now() + ms;
  let last: unknown, failure: unknown;
  for (;;) {
    try { const r = await check(); if (r) return r; last = r; failure = undefined; } catch (e) { failure = e; }
    if (Date.now() > end) throw new Error(`waited ${ms} ms for: ${what} (last: ${failure instanceof Error ? failure.message : JSON.stringify(last)})`);
    await new Promise((done) => setTimeout(done, every));
  }
}
