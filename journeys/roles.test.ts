/**
 * Roles as people meet them: the set-up until an officer and an auditor are there, each with their own sections and no other;
 * rules that are loosened by two officers; a second factor that the rules ask for; an act that asks again who one is.
 * Pictures of each state are left in build/screenshots.
 */
import assert from 'node:assert/strict';
import { after, afterEach, test } from 'node:test';
import { Appliance, credentials, house, newcomer, type Account, type House, type Person as Who } from './harness/appliance.ts';
import { Authenticator } from './harness/authenticator.ts';
import { open, until, type Engine, type Person, type Tab } from './harness/browser.ts';
import { signIn } from './harness/cast.ts';
import { small } from './harness/clip.ts';
import { also } from './harness/form.ts';
import { reads } from './harness/keyboard.ts';
import { fill, keepCodes, secretOn, touch } from './harness/pointer.ts';
import { faultsOf, pageOf, refusedByPolicy, type Sight } from './harness/sight.ts';

const said = {
  fr: {
    code: /^Code d’installation/, name: /^(Votre nom|Nom)/, email: /adresse électronique$/i, passphrase: /^Phrase de passe/, again: /seconde fois/, create: /^Créer le compte$/, signIn: /^Se connecter$/, signOut: /^Se déconnecter$/,
    digits: /^Code à six chiffres/, kept: /^Je les ai mis/, finish: /^Terminer$/, step: (n: number) => new RegExp(`Étape ${n} sur 10`), make: /^Créer et obtenir le lien$/, next: /^Continuer$/, later: /^Plus tard$/, resume: /^Reprendre l’installation$/, toConsole: /^Aller à la console$/,
    activate: /^Activer mon compte$/, must: /Encore une étape/, rooms: /Vos salles/, gone: /Cette page n’existe pas/, invited: /Odile Officier \(Officier de sécurité\) n’a pas encore activé/,
    officer: ['Règles', 'Profils', 'Propositions', 'Journal d’audit', 'Protections', 'Mon compte', 'À propos'], auditor: ['Journal d’audit', 'Protections', 'Mon compte', 'À propos'], created: /Compte créé/,
    member: /Votre compte permet d’entrer/, ask: (r: string) => new RegExp(`second facteur : ${r}`), organiser: 'Organisateur', stricter: /plus stricte dès maintenant/, proposed: /Proposé, pas encore fait/, understood: /^J’ai compris$/,
    waits: /Attend un second officier de sécurité/, own: /Vous l’avez proposé/, newAccount: /^Créer un compte$/, roleOfficer: /^Officier de sécurité/, agree: /^Consentir$/, done: /C’est fait/, link: /Remettez ce lien/, linkDone: /^C’est fait$/,
    proof: /Confirmez que c’est vous/, confirm: /^Confirmer$/, none: /Rien n’attend/, others: /^Fermer toutes les autres sessions$/, othersEnded: /Vous n’êtes connecté nulle part ailleurs/, required: /demandent un second facteur pour votre rôle/,
    roomName: /^Nom de la salle/, makeRoom: /^Créer$/, change: /^Changer de rôle$/, ends: /Ses sessions se ferment/, give: /^Donner ce rôle$/, manage: (n: string) => new RegExp(`^Gérer le compte de ${n}`), changed: /Le rôle est changé/, notThis: /n’est pas pour votre rôle/,
  },
  en: {
    code: /^Set-up code/, name: /^(Your name|Name)/, email: /e-mail address$/i, passphrase: /^Passphrase/, again: /once more/, create: /^Create the account$/, signIn: /^Sign in$/, signOut: /^Sign out$/,
    digits: /^Six-digit code/, kept: /^I have put them/, finish: /^Finish$/, step: (n: number) => new RegExp(`Step ${n} of 10`), make: /^Create and get the link$/, next: /^Continue$/, later: /^Later$/, resume: /^Resume the set-up$/, toConsole: /^Go to the console$/,
    activate: /^Activate my account$/, must: /One more step/, rooms: /Your rooms/, gone: /This page does not exist/, invited: /Odile Officier \(Security officer\) has not activated/,
    officer: ['Rules', 'Profiles', 'Proposals', 'Audit log', 'Protections', 'My account', 'About'], auditor: ['Audit log', 'Protections', 'My account', 'About'], created: /Account created/,
    member: /Your account lets you enter/, ask: (r: string) => new RegExp(`second factor: ${r}`), organiser: 'Organiser', stricter: /stricter from now on/, proposed: /Proposed, not done yet/, understood: /^Understood$/,
    waits: /Waits for a second security officer/, own: /You proposed it/, newAccount: /^Create an account$/, roleOfficer: /^Security officer/, agree: /^Agree$/, done: /It is done/, link: /Hand this link/, linkDone: /^Done$/,
    proof: /Confirm that it is you/, confirm: /^Confirm$/, none: /Nothing is waiting/, others: /^End all other sessions$/, othersEnded: /You are signed in nowhere else/, required: /ask for a second factor in your role/,
    roomName: /^(Room name|Name of the room)/, makeRoom: /^Create$/, change: /^Change the role$/, ends: /Their sessions end/, give: /^Give this role$/, manage: (n: string) => new RegExp(`^Manage the account of ${n}`), changed: /The role is changed/, notThis: /is not for your role/,
  },
} as const;

const opened: Person[] = [];
const appliances: Appliance[] = [];
afterEach(async () => { await Promise.all(opened.splice(0).map((p) => p.close().catch(() => undefined))); await Promise.all(appliances.splice(0).map((a) => a.end())); });
after(() => { assert.equal(opened.length, 0); });

class Visitor {
  readonly faults: string[] = [];
  readonly w;
  constructor(readonly tab: Tab, readonly look: Sight) { this.w = said[look.lang]; }
  async see(name: string): Promise<void> { this.faults.push(...await faultsOf(this.tab, `roles-${name}`, this.look)); }
  async sections(): Promise<string[]> {
    await until('the navigation', () => this.tab.run(() => document.querySelector('.console__nav') !== null));
    return this.tab.run(() => [...document.querySelectorAll('.console__link')].map((a) => (a as HTMLElement).textContent!.trim()));
  }
  verdict(): void { assert.deepEqual(refusedByPolicy(this.tab), []); assert.deepEqual(this.faults, []); }
}

async function visitor(engine: Engine, look: Sight, url: string): Promise<Visitor> {
  const person = await open({ engine, id: opened.length + 1, size: small, clip: false, look: { lang: look.lang, dark: look.theme === 'dark', width: look.width, height: look.width < 500 ? 780 : 860 } });
  opened.push(person);
  const tab = await person.tab();
  await tab.goto(`${url}/about`);
  await tab.run((l) => { localStorage.setItem('huisclos.lang', l); }, look.lang);
  return new Visitor(tab, look);
}

/** From the activation link as far as a session that is good for something; the second factor is set up on the way. */
async function activate(v: Visitor, link: string, passphrase: string, name: string): Promise<Authenticator> {
  const { tab: t, w } = v;
  await t.goto(link);
  await fill(t, w.passphrase, passphrase);
  await fill(t, w.again, passphrase);
  await touch(t, w.activate);
  await reads(t, w.must);
  const phone = new Authenticator(await secretOn(t));
  await v.see(`must-${name}`);
  // Nothing else is open: neither another page nor what the server gives.
  await t.goto(new URL('/account', link).href);
  await reads(t, w.must);
  assert.equal(await t.run(async () => (await fetch('/api/rooms')).status), 403);
  // After a load the passphrase is asked for again.
  await fill(t, /passphrase$|^Phrase de passe/i, passphrase);
  await touch(t, w.next);
  const again = new Authenticator(await secretOn(t));
  await fill(t, w.digits, await again.next());
  await keepCodes(t, w.kept, w.finish);
  assert.notEqual(phone, again);
  return again;
}

async function wholeSetup(engine: Engine, look: Sight): Promise<void> {
  const a = await Appliance.start();
  appliances.push(a);
  const v = await visitor(engine, look, a.url), { tab: t, w } = v, passphrase = 'galet rivière chaise lune';
  await t.goto(`${a.url}/console/setup`);
  await reads(t, w.step(1));
  await v.see('setup-1');
  await fill(t, w.code, a.setupCode);
  await fill(t, w.name, 'Ada Admin');
  await fill(t, w.email, 'ada@example.test');
  await fill(t, w.passphrase, passphrase);
  await touch(t, w.create);
  await reads(t, w.step(2));
  await secretOn(t);
  await v.see('setup-2');

  // Left, and taken up again where it was.
  await touch(t, w.signOut);
  await fill(t, w.email, 'ada@example.test');
  await fill(t, w.passphrase, passphrase);
  await touch(t, w.signIn);
  await reads(t, w.step(2));
  const phone = new Authenticator(await secretOn(t));
  await fill(t, w.digits, await phone.next());
  await until('the recovery codes', () => t.run(() => document.querySelectorAll('.codes li').length === 10));
  await v.see('setup-2-codes');
  await keepCodes(t, w.kept, w.finish);

  // Left once more: the console says so, and leads on. What may wait does.
  await reads(t, w.step(3));
  await t.goto(`${a.url}/console/`);
  await touch(t, w.resume);
  for (const n of [3, 4, 5, 6, 7]) {
    await reads(t, w.step(n));
    await touch(t, w.later);
  }
  await reads(t, w.step(8));
  await until('both forms', () => t.run(() => document.querySelectorAll('main form').length === 2));
  await v.see('setup-3');
  const made = async (n: number) => until('the link', () => t.run((i) => { const all = document.querySelectorAll('.once'); return all.length === i ? [...all].map((e) => e.textContent!) : null; }, n));
  await fill(t, w.name, 'Odile Officier');
  await fill(t, w.email, 'odile@example.test');
  await touch(t, w.make);
  await made(1);
  await fill(t, w.name, 'Aldo Auditeur');
  await fill(t, w.email, 'aldo@example.test');
  await touch(t, w.make);
  const links = await made(2);
  await v.see('setup-3-links');
  await touch(t, w.next);
  await reads(t, w.step(9));
  await touch(t, w.later);
  await reads(t, w.step(10));
  await v.see('setup-10');
  await touch(t, w.toConsole);
  await reads(t, w.invited);
  await v.see('overview');

  const o = await visitor(engine, look, a.url);
  await activate(o, links[0]!, 'verrou talus mousse cascade', 'officer');
  await until('the page that was asked for', () => o.tab.run(() => document.getElementById('second-factor') !== null));
  await o.tab.goto(`${a.url}/`);
  await reads(o.tab, w.rooms);
  await o.tab.goto(`${a.url}/console/`);
  assert.deepEqual(await o.sections(), w.officer);
  await until('the rules', () => o.tab.run(() => document.querySelectorAll('[role=switch]').length === 4));
  await o.see('officer');
  for (const section of ['accounts', 'calls']) {
    await o.tab.goto(`${a.url}/console/${section}`);
    await reads(o.tab, w.gone);
  }

  const u = await visitor(engine, look, a.url);
  await activate(u, links[1]!, 'poteau citron girafe nuage', 'auditor');
  // The pages of meetings lead an auditor to the console.
  await until('the console', () => u.tab.run(() => location.pathname.startsWith('/console')));
  assert.deepEqual(await u.sections(), w.auditor);
  await reads(u.tab, w.created);
  await u.see('auditor');
  for (const section of ['accounts', 'calls', 'policy', 'proposals']) {
    await u.tab.goto(`${a.url}/console/${section}`);
    await reads(u.tab, w.gone);
  }
  for (const x of [v, o, u]) x.verdict();
}

also('Chromium, French, a desktop: the set-up, an officer and an auditor', { timeout: 240_000 }, () => wholeSetup('chromium', { lang: 'fr', theme: 'light', width: 1280 }));
test('Firefox, English, a phone: the set-up, an officer and an auditor', { timeout: 240_000 }, () => wholeSetup('firefox', { lang: 'en', theme: 'dark', width: 390 }));

/** Signs in inside the page, and goes on to a section of the console. */
async function atConsole(v: Visitor, h: House, who: Who, section: string): Promise<void> {
  await signIn(v.tab, h, who);
  await v.tab.goto(`${h.appliance.url}/console/${section}`);
}

/** The next request of this kind is answered as if the last proof were too old; those after it reach the server. */
async function proofIsOld(t: Tab, address: string, method: string): Promise<void> {
  let first = true;
  await pageOf(t).route(address, async (r) => {
    if (!first || r.request().method() !== method) { await r.fallback(); return; }
    first = false;
    await r.fulfill({ status: 403, json: { error: { code: 'proofNeeded', fr: 'Confirmez.', en: 'Confirm.' } } });
  });
}

for (const look of [{ lang: 'fr', theme: 'dark', width: 390 }, { lang: 'en', theme: 'light', width: 1280 }] as const) {
  (look.width === 1280 ? test : also)(`rules, proposals and proofs, ${look.lang}, ${look.width} px`, { timeout: 240_000 }, async () => {
    const h = await house(1), { appliance: a, admin } = h;
    appliances.push(a);
    const officer = (await newcomer(a, admin, { name: 'Odile Officier', email: 'odile@example.test', passphrase: 'verrou talus mousse cascade', role: 'officer' })).account;
    const member = (await newcomer(a, admin, { name: 'Marc Membre', email: 'marc@example.test', passphrase: 'poteau citron girafe', role: 'member' })).account;

    // A member has no form for a new room, but a sentence; the console is not for them.
    const v = await visitor('chromium', look, a.url), { tab: t, w } = v;
    await signIn(t, h, member);
    await t.goto(`${a.url}/`);
    await reads(t, w.member);
    assert.equal(await t.run(() => document.querySelector('form.create')), null);
    await v.see('member');
    await t.goto(`${a.url}/console/`);
    await reads(t, w.notThis);

    // One officer makes the rule stricter: it counts at once, for pages that are open as well. Loosening it waits.
    const n = await visitor('chromium', look, a.url);
    await signIn(n.tab, h, h.owner);
    await n.tab.goto(`${a.url}/`);
    await reads(n.tab, w.rooms);
    await atConsole(v, h, officer, 'policy');
    await touch(t, w.ask(w.organiser));
    await reads(t, w.stricter);
    await until('the switch is on', () => t.run(() => document.querySelector<HTMLInputElement>('[role=switch]')!.checked));

    // The rule about guests: shorter counts at once.
    await fill(t, look.lang === 'fr' ? /^Durée la plus longue/ : /^Longest time/, '10');
    await touch(t, look.lang === 'fr' ? /^Enregistrer$/ : /^Save$/);
    await reads(t, look.lang === 'fr' ? /ne peut pas dépasser la plus longue/ : /cannot be longer than the longest/);
    await fill(t, look.lang === 'fr' ? /^Durée habituelle/ : /^Usual time/, '7');
    await v.see('rules-guests');
    await touch(t, look.lang === 'fr' ? /^Enregistrer$/ : /^Save$/);
    await until('ten days', async () => { const g = (await admin.must('GET', '/api/admin/policy')).guests as { days: number; maxDays: number; allowed: boolean }; return g.maxDays === 10 && g.days === 7 && g.allowed; });

    // Whoever has no second factor is led to it at the next sign-in, and to nothing else.
    await fill(n.tab, w.roomName, 'Une salle de plus');
    await touch(n.tab, w.makeRoom);
    await reads(n.tab, w.must);
    await touch(n.tab, w.signOut);
    await until('the form', () => n.tab.run(() => document.querySelector('input[type=password]') !== null));
    await n.tab.goto(h.room.link);
    await fill(n.tab, w.email, h.owner.email);
    await fill(n.tab, w.passphrase, h.owner.passphrase);
    await touch(n.tab, w.signIn);
    await reads(n.tab, w.must);
    const phone = new Authenticator(await secretOn(n.tab));
    await n.see('must-organiser');
    await fill(n.tab, w.digits, await phone.next());
    await keepCodes(n.tab, w.kept, w.finish);
    await until('the room that they came for', () => n.tab.run(() => window.__huisclos !== undefined));
    await n.tab.goto(`${a.url}/account#second-factor`);
    await reads(n.tab, w.required);
    await n.see('required');

    await touch(t, w.ask(w.organiser));
    await reads(t, w.proposed);
    await v.see('proposed');
    await touch(t, w.understood);
    assert.ok(await t.run(() => document.querySelector<HTMLInputElement>('[role=switch]')!.checked), 'the rule holds still');
    await v.see('rules-pending');
    await t.goto(`${a.url}/console/proposals`);
    await reads(t, w.waits);
    await reads(t, w.own);
    assert.ok(!w.agree.test((await t.run(() => [...document.querySelectorAll('main button')].map((b) => b.textContent).join('\n')))), 'nobody agrees with themself');
    await v.see('proposal-waits');

    // A second officer takes the first one's agreement; whoever agrees gets the link.
    const d = await visitor('chromium', look, a.url);
    await atConsole(d, h, h.ada, 'accounts');
    await touch(d.tab, w.newAccount);
    await fill(d.tab, w.name, 'Denis Deux');
    await fill(d.tab, w.email, 'denis@example.test');
    await touch(d.tab, w.roleOfficer);
    await d.see('create-officer');
    await touch(d.tab, w.make);
    await reads(d.tab, w.proposed);
    await touch(d.tab, w.understood);
    await t.reload();
    await touch(t, w.agree);
    await touch(t, w.agree);
    await reads(t, w.link);
    await v.see('approved-link');
    const link = await t.run(() => document.querySelector('.once')!.textContent!);
    await touch(t, w.linkDone);
    const second = await secondOfficer(h, link);

    // The second officer agrees; the page asks again who they are, and does the act by itself.
    const s = await visitor('chromium', look, a.url);
    await atConsole(s, h, second, 'proposals');
    await proofIsOld(s.tab, '**/api/admin/proposals/*/approve', 'POST');
    await touch(s.tab, w.agree);
    await s.see('agree');
    await touch(s.tab, w.agree);
    await reads(s.tab, w.proof);
    await s.see('proof');
    const proof = await credentials(second);
    await fill(s.tab, w.passphrase, proof.passphrase);
    await fill(s.tab, w.digits, proof.code!);
    await touch(s.tab, w.confirm);
    await reads(s.tab, w.done);
    await reads(s.tab, w.none);
    assert.equal(((await admin.must('GET', '/api/admin/policy')).twoFactors as Record<string, string>).organiser, 'optional');
    const log = ((await admin.must('GET', '/api/admin/audit?limit=40')).entries as { action: string }[]).map((e) => e.action);
    for (const action of ['proposal.made', 'proposal.approved', 'policy.changed', 'proof.given']) assert.ok(log.includes(action), `${action} in ${log.join(' ')}`);

    // Another role for somebody: what it means is said, and the sessions end.
    await d.tab.goto(`${a.url}/console/accounts`);
    await touch(d.tab, w.manage('Marc Membre'));
    await d.see('sheet');
    await touch(d.tab, w.change);
    await touch(d.tab, new RegExp(`^${w.organiser}`));
    await reads(d.tab, w.ends);
    await d.see('role');
    await touch(d.tab, w.give);
    await reads(d.tab, w.changed);

    // My security: where one is signed in; all others end at once.
    const other = a.client();
    await other.login(officer);
    await t.goto(`${a.url}/console/account`);
    await until('the sessions', () => t.run(() => document.querySelectorAll('.session').length >= 2));
    await t.run(() => { document.getElementById('part-sessions')!.scrollIntoView({ block: 'start' }); });
    await v.see('sessions');
    await touch(t, w.others);
    await reads(t, w.othersEnded);
    assert.equal((await other.call('GET', '/api/me')).status, 401);
    for (const x of [v, n, d, s]) x.verdict();
  });
}

async function secondOfficer(h: House, link: string): Promise<Account> {
  const client = h.appliance.client(), passphrase = 'fougère lanterne marée nouvelle';
  const me = await client.must('POST', '/api/activate', { token: new URL(link).hash.slice(1), passphrase });
  await client.renewed();
  return { id: (me.account as { id: string }).id, name: 'Denis Deux', email: 'denis@example.test', passphrase, phone: await client.enrol(passphrase) };
}
