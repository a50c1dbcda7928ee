/**
 * The second factor as people meet it, by keyboard alone: set up with the secret that the page shows, asked for at the next
 * sign-in, refused when it is wrong or used already, replaced by a recovery code, moved to another phone, turned off; and taken away by an
 * administrator from somebody who lost it. Pictures of each state are left in build/screenshots.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { house, type Account, type House } from './harness/appliance.ts';
import { Authenticator } from './harness/authenticator.ts';
import { open, until, type Engine, type Person, type Tab } from './harness/browser.ts';
import { small } from './harness/clip.ts';
import { also } from './harness/form.ts';
import { pressOn, reach, reads, writeInto } from './harness/keyboard.ts';
import { faultsOf, pageOf, picture, refusedByPolicy, type Sight } from './harness/sight.ts';

let h: House;
let person: Person | null = null;
/** A house for each test: failures are counted by the address they come from, and all of these come from one. */
const inHouse = (run: () => Promise<void>) => async () => {
  h = await house(1);
  try { await run(); } finally {
    await person?.close().catch(() => undefined);
    await h.appliance.end();
  }
};

test('the authenticator of this test is the one of RFC 6238', () => {
  // Appendix B; the last six of its eight digits.
  const a = new Authenticator('GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ');
  for (const [seconds, code] of [[59, '287082'], [1111111109, '081804'], [20000000000, '353130']] as const) assert.equal(a.at(Math.floor(seconds / 30)), code);
});

const said = {
  fr: {
    email: /^Adresse/, passphrase: /^Phrase de passe/, signIn: /^Se connecter$/, code: /^Code à six chiffres/, recovery: /^Code de secours/, useRecovery: /^Utiliser un code de secours$/, back: /^Revenir à la phrase de passe$/,
    begin: /^Mettre en place$/, next: /^Continuer$/, on: /^Activer le second facteur$/, kept: /^Je les ai mis en lieu sûr$/, done: /^Terminer$/, tickFirst: /puis cochez la case/, isOn: /Il vous reste 10 codes/,
    menu: /^Compte de/, rooms: /Vos salles/, left: /Il vous en reste 9/, mine: /^Ma sécurité$/, renew: /^Faire de nouveaux codes de secours$/, renewAct: /^Faire les nouveaux codes$/, move: /^Changer de téléphone$/, moveAct: /Remplacer l’ancienne application/, moved: /Votre nouvelle application a remplacé/, off: /^Désactiver$/, offAct: /^Désactiver le second facteur$/,
    isOff: /Avec un second facteur/, fresh: /^Nouvelle phrase de passe/, change: /^Changer la phrase de passe$/, changed: /Votre phrase de passe est changée/, few: /Il ne vous reste que/, file: /^huis-clos-codes/,
  },
  en: {
    email: /^E-mail/, passphrase: /^(P|Current p)assphrase/, signIn: /^Sign in$/, code: /^Six-digit code/, recovery: /^Recovery code/, useRecovery: /^Use a recovery code$/, back: /^Back to the passphrase$/,
    begin: /^Set it up$/, next: /^Continue$/, on: /^Turn on the second factor$/, kept: /^I have put them somewhere safe$/, done: /^Finish$/, tickFirst: /then tick the box/, isOn: /You have 10 recovery codes/,
    menu: /^Account of/, rooms: /Your rooms/, left: /You have 9 left/, mine: /^My security$/, renew: /^Make new recovery codes$/, renewAct: /^Make the new codes$/, move: /^Change phone$/, moveAct: /Replace the old app/, moved: /Your new app has replaced/, off: /^Turn off$/, offAct: /^Turn off the second factor$/,
    isOff: /With a second factor/, fresh: /^New passphrase/, change: /^Change the passphrase$/, changed: /Your passphrase is changed/, few: /You have only/, file: /^huis-clos-recovery/,
  },
} as const;

/** The value of what has the focus; null when nothing that is written into has it. */
const written = (t: Tab) => t.run(() => (document.activeElement instanceof HTMLInputElement ? document.activeElement.value : null));
const refusal = (t: Tab) => until('a refusal', () => t.run(() => [...document.querySelectorAll('main [role=alert]')].map((e) => (e as HTMLElement).innerText.trim()).find(Boolean) ?? null));
const emptied = (t: Tab, what: string) => until(`${what}: the field is empty and has the focus`, async () => (await written(t)) === '');
/** Before a step is written into: its title has the focus. */
const atStep = (t: Tab) => until('the title of the step has the focus', () => t.run(() => document.activeElement?.classList.contains('step__title') ?? false));
const recoveryOn = (t: Tab) => until('ten recovery codes', () => t.run(() => { const all = [...document.querySelectorAll('.codes li')].map((e) => e.textContent ?? ''); return all.length === 10 ? all : null; }));

class Visitor {
  readonly faults: string[] = [];
  readonly w;
  constructor(readonly tab: Tab, readonly look: Sight, readonly account: Account) { this.w = said[look.lang]; }
  async see(name: string): Promise<void> { this.faults.push(...await faultsOf(this.tab, `factor-${name}`, this.look)); }
  async signOut(): Promise<void> {
    // Afresh: past the last control of a page, Firefox goes through its own before it comes back.
    await this.tab.goto(`${h.appliance.url}/`);
    await reads(this.tab, this.w.rooms);
    await pressOn(this.tab, this.w.menu);
    await until('the menu', () => this.tab.run(() => document.activeElement?.getAttribute('role')?.startsWith('menuitem') ?? false));
    await this.tab.press('End');
    await this.tab.press('Enter');
    await until('signed out', () => this.tab.run(() => document.querySelector('input[type=password]') !== null));
  }
  async passphrase(): Promise<void> {
    await this.tab.goto(`${h.appliance.url}/`);
    await until('the form', () => this.tab.run(() => document.querySelector('input[type=password]') !== null));
    await this.tab.run(() => { document.querySelector<HTMLInputElement>('input[type=email]')!.focus(); });
    await this.tab.type(this.account.email);
    await writeInto(this.tab, this.w.passphrase, this.account.passphrase);
    await this.tab.press('Enter');
  }
  /** As far as the field for the code, which then has the focus. */
  async toCode(): Promise<void> {
    await this.passphrase();
    await until('the field for the code has the focus', () => this.tab.run(() => document.activeElement?.getAttribute('autocomplete') === 'one-time-code'));
  }
  /** From the field for six digits to the one for a recovery code, which then has the focus. */
  async byRecovery(): Promise<void> {
    await pressOn(this.tab, this.w.useRecovery);
    await until('a field for text has the focus', () => this.tab.run(() => document.activeElement instanceof HTMLInputElement && document.activeElement.inputMode !== 'numeric'));
  }
  async security(): Promise<void> {
    await this.tab.goto(`${h.appliance.url}/account#second-factor`);
    await until('the part about the second factor has the focus', () => this.tab.run(() => document.activeElement?.id === 'part-factor'));
  }
}

async function visitor(engine: Engine, look: Sight, account: Account): Promise<Visitor> {
  person = await open({ engine, id: 1, size: small, clip: false, look: { lang: look.lang, dark: look.theme === 'dark', width: look.width, height: look.width === 360 ? 720 : 800 } });
  const tab = await person.tab();
  await tab.goto(`${h.appliance.url}/about`);
  await tab.run((l) => { localStorage.setItem('huisclos.lang', l); }, look.lang);
  return new Visitor(tab, look, account);
}

async function wholeWay(engine: Engine, look: Sight): Promise<void> {
  const v = await visitor(engine, look, h.owner), { tab: t, w } = v;
  await v.passphrase();
  await reads(t, w.rooms);

  // Set up: the passphrase again, the secret, a wrong code, the right one.
  await v.security();
  await v.see('off');
  await pressOn(t, w.begin);
  await until('the passphrase is asked for', async () => (await written(t)) === '');
  await t.type('not the passphrase');
  await t.press('Enter');
  await refusal(t);
  await emptied(t, 'a wrong passphrase');
  await v.see('passphrase');
  await t.type(v.account.passphrase);
  await t.press('Enter');
  const secret = await until('the secret', () => t.run(() => document.querySelector('[data-secret]')?.textContent ?? null));
  assert.match(secret, /^([A-Z2-7]{4} )*[A-Z2-7]{1,4}$/, 'in groups of four');
  const phone = new Authenticator(secret);
  const square = await t.run(() => { const s = document.querySelector('svg.qr')!; return { role: s.getAttribute('role'), label: s.getAttribute('aria-label') ?? '', box: s.getAttribute('viewBox')!.split(' ').map(Number), modules: s.querySelector('path')!.getAttribute('d')!.length }; });
  assert.equal(square.role, 'img');
  assert.ok(square.label.length > 10 && square.modules > 1000, JSON.stringify(square));
  // ISO/IEC 18004: a side of 17 + 4 × version modules, and four light ones on each side.
  assert.equal((square.box[2]! - 8 - 17) % 4, 0);
  await v.see('scan');
  await reach(t, w.code);
  await t.type(phone.wrong());
  await refusal(t);
  await emptied(t, 'a wrong first code');
  const first = await phone.next();
  // Sent by itself once six digits stand there, with the space that apps show in the middle.
  await t.type(`${first.slice(0, 3)} ${first.slice(3)}`);

  // The recovery codes do not go before they are said to be kept.
  const recovery = await recoveryOn(t);
  assert.ok(recovery.every((c) => /^[0-9A-HJKMNP-TV-Z]{5}-[0-9A-HJKMNP-TV-Z]{5}$/.test(c)), recovery.join(' '));
  assert.equal(new Set(recovery).size, 10);
  await v.see('keep');
  if (engine === 'chromium') {
    const page = pageOf(t), coming = page.waitForEvent('download');
    await t.run(() => { (document.querySelectorAll<HTMLElement>('.keep .step__acts button')[1])!.click(); });
    const file = await coming;
    assert.match(file.suggestedFilename(), w.file);
    const chunks: Buffer[] = [];
    for await (const c of await file.createReadStream()) chunks.push(c as Buffer);
    const text = Buffer.concat(chunks).toString();
    for (const c of [...recovery, v.account.email]) assert.ok(text.includes(c), text);
    await page.emulateMedia({ media: 'print' });
    await picture(t, 'factor-print', look);
    const paper = await t.run(() => document.body.innerText);
    assert.ok(recovery.every((c) => paper.includes(c)) && paper.includes(v.account.email));
    assert.ok(!paper.includes('Huis Clos protège') && !/Imprimer|Print/.test(paper), paper);
    await page.emulateMedia({ media: 'screen' });
  }
  await pressOn(t, w.done);
  await reads(t, w.tickFirst);
  assert.equal((await recoveryOn(t)).length, 10);
  await reach(t, w.kept);
  await t.press(' ');
  await pressOn(t, w.done);
  await reads(t, w.isOn);
  await v.see('on');

  // Asked for at the next sign-in; a wrong code and one that was used are refused; the way back forgets the passphrase.
  await v.signOut();
  await v.toCode();
  assert.ok((await t.run(() => document.body.innerText)).includes(v.account.email), 'who signs in stays in sight');
  await v.see('sign-in');
  await pressOn(t, w.back);
  await until('the passphrase is forgotten', () => t.run(() => document.querySelector<HTMLInputElement>('input[type=password]')?.value === ''));
  assert.equal(await t.run(() => document.querySelector<HTMLInputElement>('input[type=email]')!.value), v.account.email);
  await t.type(v.account.passphrase);
  await t.press('Enter');
  await until('the code again', () => t.run(() => document.activeElement?.getAttribute('autocomplete') === 'one-time-code'));
  await t.type(phone.wrong());
  const wrong = await refusal(t);
  await emptied(t, 'a wrong code');
  await v.see('sign-in-wrong');
  await t.type(first);
  assert.equal(await refusal(t), wrong, 'a used code is refused like a wrong one');
  await emptied(t, 'a used code');
  await t.type(await phone.next());
  await reads(t, w.rooms);

  // A recovery code, in lower case and without its hyphen; how many are left, and the way to new ones.
  await v.signOut();
  await v.toCode();
  await v.byRecovery();
  await v.see('sign-in-recovery');
  await t.type(recovery[0]!.toLowerCase().replace('-', ''));
  await t.press('Enter');
  await reads(t, w.left);
  await v.see('recovery-left');
  await pressOn(t, w.mine);
  await until('the part about the second factor', () => t.run(() => document.activeElement?.id === 'part-factor'));
  assert.equal(await t.run(() => document.querySelector('.desk__note')), null);

  // A new passphrase wants a code as well; here a recovery code.
  const fresh = 'nouvelle fougère lanterne marée';
  await t.goto(`${h.appliance.url}/account`);
  await until('the field for the code is there', () => t.run(() => document.querySelector('.code-field') !== null));
  await writeInto(t, look.lang === 'fr' ? /^Phrase de passe actuelle/ : /^Current passphrase/, v.account.passphrase);
  await writeInto(t, w.fresh, fresh);
  await v.byRecovery();
  await writeInto(t, w.recovery, recovery[1]!);
  await pressOn(t, w.change);
  await reads(t, w.changed);
  v.account.passphrase = fresh;

  // New recovery codes: the old ones no longer count.
  await v.security();
  await pressOn(t, w.renew);
  await atStep(t);
  await writeInto(t, w.passphrase, fresh);
  await writeInto(t, w.code, await phone.next());
  await v.see('renew');
  await pressOn(t, w.renewAct);
  const renewed = await until('other codes', async () => { const all = await recoveryOn(t); return all[0] === recovery[0] ? null : all; });
  assert.equal(renewed.filter((c) => recovery.includes(c)).length, 0);
  await reach(t, w.kept);
  await t.press(' ');
  await pressOn(t, w.done);
  await reads(t, w.isOn);

  // Another phone: the old one counts until the first code of the new one, and not after it.
  await pressOn(t, w.move);
  await writeInto(t, w.passphrase, fresh);
  await writeInto(t, w.code, await phone.next());
  await v.see('move');
  await pressOn(t, w.next);
  const other = new Authenticator(await until('another secret', () => t.run(() => document.querySelector('[data-secret]')?.textContent ?? null)));
  await v.see('move-scan');
  await reads(t, w.moveAct);
  await reach(t, w.code);
  await t.type(await other.next());
  await reads(t, w.moved);
  await reads(t, w.isOn);
  await v.see('moved');
  await v.signOut();
  await v.toCode();
  await t.type(await other.next());
  await reads(t, w.rooms);
  await v.security();

  if (engine === 'chromium') {
    // Few are left: said before they run out. Using up eight would take eight sign-ins.
    await pageOf(t).route('**/api/account/factors', async (r) => { const answer = await r.fetch(); await r.fulfill({ response: answer, json: { ...(await answer.json() as object), recoveryLeft: 2 } }); });
    await t.goto(`${h.appliance.url}/account`);
    await reads(t, w.few);
    await t.run(() => { document.getElementById('second-factor')!.scrollIntoView({ block: 'center' }); });
    await v.see('few');
    await pageOf(t).unroute('**/api/account/factors');
    await v.security();
  }

  // Turned off, with a recovery code: who lost the phone can do it. The old ones are refused.
  await pressOn(t, w.off);
  await atStep(t);
  await writeInto(t, w.passphrase, fresh);
  await v.byRecovery();
  await writeInto(t, w.recovery, recovery[2]!);
  await pressOn(t, w.offAct);
  await refusal(t);
  await emptied(t, 'a recovery code of before');
  await v.see('turn-off');
  // The fifth failure from this address: the next try is let in two seconds later.
  await new Promise((done) => setTimeout(done, 2500));
  await writeInto(t, w.recovery, renewed[0]!);
  await pressOn(t, w.offAct);
  await reads(t, w.isOff);
  await v.signOut();
  await v.passphrase();
  await reads(t, w.rooms);
  assert.deepEqual(refusedByPolicy(t), []);
  assert.deepEqual(v.faults, []);
}

also('Chromium, French, a desktop: the whole way', { timeout: 240_000 }, inHouse(() => wholeWay('chromium', { lang: 'fr', theme: 'light', width: 1280 })));
test('Chromium, English, a phone: the whole way', { timeout: 240_000 }, inHouse(() => wholeWay('chromium', { lang: 'en', theme: 'dark', width: 360 })));
also('Firefox, English, a desktop: the whole way', { timeout: 300_000 }, inHouse(() => wholeWay('firefox', { lang: 'en', theme: 'light', width: 1280 })));

for (const look of [{ lang: 'fr', theme: 'dark', width: 1280 }, { lang: 'en', theme: 'light', width: 360 }] as const) {
  (look.width === 1280 ? test : also)(`the console, ${look.lang}, ${look.width} px: who has a second factor, and one that was lost is removed`, { timeout: 180_000 }, inHouse(async () => {
    const member = h.owner, admin = h.ada, v = await visitor('chromium', look, admin), { tab: t, w } = v;
    const theirs = h.appliance.client();
    await theirs.login(member);
    await theirs.enrol(member.passphrase);
    await t.goto(`${h.appliance.url}/console/`);
    await until('the form', () => t.run(() => document.querySelector('input[type=password]') !== null));
    await t.run(() => { document.querySelector<HTMLInputElement>('input[type=email]')!.focus(); });
    await t.type(admin.email);
    await writeInto(t, w.passphrase, admin.passphrase);
    await t.press('Enter');
    await until('the code is asked for', () => t.run(() => document.activeElement?.getAttribute('autocomplete') === 'one-time-code'));
    await v.see('console-sign-in');
    await t.type(admin.phone!.wrong());
    await refusal(t);
    await emptied(t, 'a wrong code');
    await t.type(await admin.phone!.next());
    await until('the status', () => t.run(() => document.querySelector('.figures-grid') !== null));
    await v.see('console-status');

    await t.goto(`${h.appliance.url}/console/accounts`);
    const row = (name: string) => t.run((n) => [...document.querySelectorAll('tbody tr')].map((r) => (r as HTMLElement).innerText).find((x) => x.includes(n)) ?? null, name);
    const has = look.lang === 'fr' ? /Oui/ : /Yes/;
    assert.match(await until('the member', () => row(member.name)), has);
    assert.match((await row(admin.name))!, has);
    await v.see('console-accounts');
    await pressOn(t, new RegExp(`${look.lang === 'fr' ? 'Gérer le compte de' : 'Manage the account of'} ${member.name}`));
    await pressOn(t, look.lang === 'fr' ? /^Retirer le second facteur$/ : /^Remove the second factor$/);
    await reads(t, look.lang === 'fr' ? /Ses sessions se ferment/ : /Their sessions end/);
    await v.see('console-remove');
    await pressOn(t, look.lang === 'fr' ? /^Retirer le second facteur$/ : /^Remove the second factor$/);
    await reads(t, look.lang === 'fr' ? /Le second facteur est retiré/ : /The second factor is removed/);
    await v.see('console-removed');
    assert.equal((await theirs.call('GET', '/api/me')).status, 401, 'their sessions are over');
    await h.appliance.client().login({ email: member.email, passphrase: member.passphrase });
    if (look.lang === 'en') {
      // One's own can be removed as well; then the console is closed.
      await t.goto(`${h.appliance.url}/console/accounts`);
      await until('the list', () => row(admin.name));
      await pressOn(t, new RegExp(`account of ${admin.name}`));
      await v.see('console-own');
      await pressOn(t, /^Remove the second factor$/);
      await reads(t, /your session ends/);
      await pressOn(t, /^Remove the second factor$/);
      await until('the console is closed', () => t.run(() => document.querySelector('input[type=password]') !== null));
    }
    assert.deepEqual(refusedByPolicy(t), []);
    assert.deepEqual(v.faults, []);
  }));
}
