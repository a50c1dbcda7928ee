/**
 * Passkeys as people meet them: added and named, a sign-in of their own and the second step after a passphrase, proof before an act on
 * oneself, removed. The appliance has a host name and a certificate of an authority that the browsers trust, as passkeys need; where
 * one of the two is missing the page says so. The authenticator is the browser's own for tests (Chromium, WebAuthn of its DevTools).
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import type { CDPSession } from 'playwright-core';
import { Appliance, furnish, type Account, type House } from './harness/appliance.ts';
import { open, until, type Engine, type Person, type Tab } from './harness/browser.ts';
import { small } from './harness/clip.ts';
import { also } from './harness/form.ts';
import { pressOn, reach, reads, writeInto } from './harness/keyboard.ts';
import { certify } from './harness/nginx.ts';
import { faultsOf, pageOf, refusedByPolicy, type Sight } from './harness/sight.ts';

const address = process.env.HUISCLOS_ADDRESS ?? '127.0.0.1', name = 'visio.test', port = 8443;
let folder: string, authority: string, certificate: string, h: House;
let people: Person[] = [];

before(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'huisclos-passkey-'));
  // In the mount namespace of the journeys.
  const hosts = path.join(folder, 'hosts');
  writeFileSync(hosts, `127.0.0.1 localhost\n${address} ${name}\n`);
  execFileSync('mount', ['--bind', hosts, '/etc/hosts']);
  const made = certify(folder, name);
  authority = made.authority;
  certificate = `[tls]\ncertificate = "${made.certificate}"\nkey = "${made.key}"\n`;
  h = await furnish(await Appliance.start({ port, settings: `hostnames = ["${name}"]\n${certificate}`, front: `https://${name}:${port}` }), 3);
});
after(async () => {
  await h?.appliance.end();
  try { execFileSync('umount', ['/etc/hosts'], { stdio: 'ignore' }); } catch { /* it was not mounted */ }
  if (folder) rmSync(folder, { recursive: true, force: true });
});
afterEach(async () => {
  for (const p of people) await p.close().catch(() => undefined);
  people = [];
});

const said = {
  fr: {
    email: /^Adresse/, passphrase: /^Phrase de passe/, byKey: /^Se connecter avec une clé d’accès$/, useOne: /^Utiliser une clé d’accès$/, add: /^Ajouter une clé d’accès$/, next: /^Continuer$/, name: /^Nom de la clé/, make: /^Créer la clé d’accès$/,
    kept: /^Je les ai mis en lieu sûr$/, done: /^Terminer$/, rooms: /Vos salles/, rename: /^Renommer la clé/, save: /^Enregistrer$/, remove: /^Retirer la clé d’accès /, confirm: /^Confirmer avec une clé d’accès$/, none: /Une clé d’accès vous connecte à elle seule/,
    refused: /n'a pas été acceptée/, never: /jamais utilisée/, used: /utilisée/, recovery: /^Code de secours/, other: /ne servent qu’à l’adresse/, selfSigned: /auto-signé/, noName: /pas de nom d’hôte/, dropped: /fermée ou a pris trop de temps/, codes: /Il vous reste 10 codes/,
  },
  en: {
    email: /^E-mail/, passphrase: /^(P|Current p)assphrase/, byKey: /^Sign in with a passkey$/, useOne: /^Use a passkey$/, add: /^Add a passkey$/, next: /^Continue$/, name: /^Name of the passkey/, make: /^Create the passkey$/,
    kept: /^I have put them somewhere safe$/, done: /^Finish$/, rooms: /Your rooms/, rename: /^Rename the passkey/, save: /^Save$/, remove: /^Remove the passkey /, confirm: /^Confirm with a passkey$/, none: /A passkey signs you in by itself/,
    refused: /was not accepted/, never: /never used/, used: /used/, recovery: /^Recovery code/, other: /work only at/, selfSigned: /self-signed/, noName: /has no host name/, dropped: /was closed or took too long/, codes: /You have 10 recovery codes/,
  },
} as const;

class Visitor {
  readonly faults: string[] = [];
  readonly w;
  key: { session: CDPSession; id: string } | null = null;
  constructor(readonly tab: Tab, readonly look: Sight, readonly url: string) { this.w = said[look.lang]; }
  async see(what: string): Promise<void> { this.faults.push(...await faultsOf(this.tab, `passkey-${what}`, this.look)); }
  async touches(yes: boolean): Promise<void> { await this.key!.session.send('WebAuthn.setAutomaticPresenceSimulation', { authenticatorId: this.key!.id, enabled: yes }); }
  async door(): Promise<void> {
    await this.tab.goto(`${this.url}/`);
    await until('the form', () => this.tab.run(() => document.querySelector('input[type=password]') !== null));
  }
  async passphrase(account: Account): Promise<void> {
    await this.tab.run(() => { document.querySelector<HTMLInputElement>('input[type=email]')!.focus(); });
    await this.tab.type(account.email);
    await writeInto(this.tab, this.w.passphrase, account.passphrase);
    await this.tab.press('Enter');
  }
  async signOut(): Promise<void> {
    await this.tab.run(async () => {
      const csrf = ((await (await fetch('/api/me')).json()) as { csrf: string }).csrf;
      await fetch('/api/logout', { method: 'POST', headers: { 'X-Huisclos-CSRF': csrf, 'Content-Type': 'application/json' }, body: '{}' });
    });
    await this.door();
  }
  async security(): Promise<void> {
    await this.tab.goto(`${this.url}/account`);
    await until('the part about passkeys', () => this.tab.run(() => { const p = document.getElementById('passkeys'); p?.scrollIntoView(); return p !== null && p.querySelector('.skeleton') === null; }));
  }
  /** The field for a passkey's name has the focus, and what stands in it is selected. */
  async named(): Promise<void> { await until('the field for the name', () => this.tab.run(() => { const e = document.activeElement; return e instanceof HTMLInputElement && e.type === 'text' && e.closest('#passkeys') !== null && e.selectionEnd === e.value.length; })); }
  /** The title of a step has the focus: nothing takes it away any more. */
  async titled(): Promise<void> { await until('the title of a step', () => this.tab.run(() => document.activeElement?.closest('#passkeys') !== null && document.activeElement!.classList.contains('step__title'))); }
  part(): Promise<string> { return this.tab.run(() => document.getElementById('passkeys')?.innerText ?? ''); }
  end(): void {
    assert.deepEqual(this.faults, []);
    assert.deepEqual(refusedByPolicy(this.tab), []);
  }
}

async function visitor(engine: Engine, look: Sight, url = h.appliance.url, trust = true): Promise<Visitor> {
  const person = await open({ engine, id: 1, size: small, clip: false, ...(trust ? { authority } : {}), look: { lang: look.lang, dark: look.theme === 'dark', width: look.width, height: 800 } });
  people.push(person);
  const tab = await person.tab();
  await tab.goto(`${url}/about`);
  await tab.run((l) => { localStorage.setItem('huisclos.lang', l); }, look.lang);
  const v = new Visitor(tab, look, url);
  if (engine === 'chromium') {
    const session = await pageOf(tab).context().newCDPSession(pageOf(tab));
    await session.send('WebAuthn.enable', { enableUI: false });
    const { authenticatorId: id } = await session.send('WebAuthn.addVirtualAuthenticator', { options: { protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true } });
    v.key = { session, id };
  }
  return v;
}

async function wholeWay(look: Sight, account: Account): Promise<void> {
  const v = await visitor('chromium', look), { tab: t, w } = v;
  await v.door();
  await v.see('door');
  await v.passphrase(account);
  await reads(t, w.rooms);

  // Added: the passphrase again, a name, the browser's question, the recovery codes.
  await v.security();
  await v.see('none');
  await pressOn(t, w.add);
  await until('the passphrase is asked for', () => t.run(() => document.activeElement instanceof HTMLInputElement && document.activeElement.closest('#passkeys') !== null));
  await t.type(account.passphrase);
  await t.press('Enter');
  await v.named();
  await t.type('Mon ordinateur');
  await v.see('name');
  await pressOn(t, w.make);
  await until('ten recovery codes', () => t.run(() => document.querySelectorAll('.codes li').length === 10));
  await v.see('codes');
  await reach(t, w.kept);
  await t.press(' ');
  await pressOn(t, w.done);
  await until('it is listed', async () => /Mon ordinateur/.test(await v.part()) && w.never.test(await v.part())).catch(async (e: Error) => { throw new Error(`${e.message}: ${await v.part()}`); });
  await reads(t, w.codes);
  await v.see('one');
  assert.equal((await v.key!.session.send('WebAuthn.getCredentials', { authenticatorId: v.key!.id })).credentials[0]?.isResidentCredential, true);

  // A second one is not made on the same device.
  await pressOn(t, w.add);
  await v.titled();
  await pressOn(t, w.confirm);
  await v.named();
  await pressOn(t, w.make);
  await until('told that it is there', () => t.run(() => document.querySelector('#passkeys [role=alert]') !== null));

  // Signs in by itself: nothing is typed.
  await v.touches(false);
  await v.signOut();
  await reach(t, w.byKey);
  // The page asks beside the field already: a key that answers by itself may sign in before the button does.
  await v.touches(true);
  await t.press('Enter');
  await reads(t, w.rooms);

  // The second step after a passphrase.
  await v.touches(false);
  await v.signOut();
  await v.passphrase(account);
  await until('the second step', () => t.run(() => document.querySelector('.step-who') !== null));
  await v.see('second-step');
  await v.touches(true);
  await pressOn(t, w.useOne);
  await reads(t, w.rooms);
  await v.security();
  await until('it was used', async () => w.used.test(await v.part()) && !w.never.test(await v.part()));

  // Renamed, and removed with itself as the proof; whoever does not answer the browser's question changes nothing.
  await pressOn(t, w.rename);
  await v.named();
  await t.type('Vieil ordinateur');
  await pressOn(t, w.save);
  await until('the new name', async () => /Vieil ordinateur/.test(await v.part()));
  await pressOn(t, w.remove);
  await v.titled();
  await v.see('remove');
  await v.key!.session.send('WebAuthn.setUserVerified', { authenticatorId: v.key!.id, isUserVerified: false });
  await pressOn(t, w.confirm);
  await reads(t, w.dropped);
  await v.key!.session.send('WebAuthn.setUserVerified', { authenticatorId: v.key!.id, isUserVerified: true });
  await pressOn(t, w.confirm);
  await until('none is left', async () => w.none.test(await v.part()));

  // The authenticator has it still; here it signs nobody in.
  await v.touches(false);
  await v.signOut();
  await reach(t, w.byKey);
  // The page asks beside the field already: a key that answers by itself may sign in before the button does.
  await v.touches(true);
  await t.press('Enter');
  await reads(t, w.refused);
  await v.see('refused');
  await v.passphrase(account);
  await reads(t, w.rooms);
  v.end();
}

also('a passkey is added, signs in by itself, is the second step, and is removed: French, wide', { timeout: 180_000 }, async () => {
  await wholeWay({ lang: 'fr', theme: 'light', width: 1280 }, h.members[0]!);
});
test('the same in English, dark, on a telephone', { timeout: 180_000 }, async () => {
  await wholeWay({ lang: 'en', theme: 'dark', width: 390 }, h.members[1]!);
});

test('where a passkey can\'t be had, the door has no button and the account says why', { timeout: 180_000 }, async () => {
  const account = h.members[2]!;
  const look = async (v: Visitor, why: RegExp, what: string) => {
    await v.door();
    assert.equal(await v.tab.run(() => [...document.querySelectorAll('button')].filter((b) => /clé d’accès|passkey/.test(b.textContent ?? '')).length), 0, what);
    await v.passphrase(account);
    await reads(v.tab, v.w.rooms);
    await v.security();
    await until(what, async () => why.test(await v.part())).catch(async (e: Error) => { throw new Error(`${e.message}: ${await v.part()}`); });
    await v.see(what);
    v.end();
  };
  const at = `https://${address}:${port}`, fr: Sight = { lang: 'fr', theme: 'light', width: 390 }, en: Sight = { lang: 'en', theme: 'light', width: 1280 };
  await look(await visitor('chromium', fr, at, false), said.fr.other, 'by-address');
  await h.appliance.again(`hostnames = ["${name}"]\n`);
  await look(await visitor('firefox', en, h.appliance.url, false), said.en.selfSigned, 'self-signed');
  await h.appliance.again(certificate);
  await look(await visitor('chromium', en, at, false), said.en.noName, 'no-name');
  await h.appliance.again(`hostnames = ["${name}"]\n${certificate}`);
});

test('an account whose role needs a second factor sets up a passkey, and comes into the console with it', { timeout: 180_000 }, async () => {
  const fr: Sight = { lang: 'fr', theme: 'light', width: 1280 }, w = said.fr, passphrase = 'quartz marmotte violon tempête';
  const made = await h.admin.must('POST', '/api/admin/accounts', { name: 'Odile Auditrice', email: 'odile@example.test', role: 'auditor' });
  const link = new URL((made.activation as { url: string }).url);
  const client = h.appliance.client();
  await client.must('POST', '/api/activate', { token: link.hash.slice(1), passphrase });
  const v = await visitor('chromium', fr), { tab: t } = v;
  await t.goto(`${v.url}/console/`);
  await until('the form', () => t.run(() => document.querySelector('input[type=password]') !== null));
  await v.passphrase({ id: '', name: '', email: 'odile@example.test', passphrase });
  await until('the name of a passkey is asked for', () => t.run(() => document.activeElement instanceof HTMLInputElement && document.activeElement.type === 'text'));
  await v.see('must');
  await pressOn(t, w.make);
  await until('ten recovery codes', () => t.run(() => document.querySelectorAll('.codes li').length === 10));
  await reach(t, w.kept);
  await t.press(' ');
  await pressOn(t, w.done);
  await until('the audit log', () => t.run(() => document.querySelector('.console__nav') !== null));
  // The way into the console by the passkey alone.
  await v.touches(false);
  await v.signOut();
  await t.goto(`${v.url}/console/`);
  await until('the form', () => t.run(() => document.querySelector('input[type=password]') !== null));
  await v.see('console');
  await reach(t, w.byKey);
  // The page asks beside the field already: a key that answers by itself may sign in before the button does.
  await v.touches(true);
  await t.press('Enter');
  await until('inside', () => t.run(() => document.querySelector('.console__nav') !== null));
  v.end();
});

// Firefox's driver for these journeys has no authenticator: that the page offers one, and stays usable without an answer.
test('Firefox offers the way in by a passkey, and the passphrase beside it', { timeout: 120_000 }, async () => {
  const v = await visitor('firefox', { lang: 'en', theme: 'light', width: 1280 }), { tab: t, w } = v;
  await v.door();
  // Before what has the focus: Tab would go through the browser's own controls first.
  assert.ok(await t.run((text) => [...document.querySelectorAll('form button')].some((b) => new RegExp(text).test(b.textContent ?? '')), w.byKey.source));
  assert.match(await t.run(() => document.querySelector('input[type=email]')?.getAttribute('autocomplete') ?? ''), /webauthn$/);
  await v.passphrase(h.members[2]!);
  await reads(t, w.rooms);
  await v.security();
  await reads(t, w.none);
  await v.see('firefox');
  v.end();
});
