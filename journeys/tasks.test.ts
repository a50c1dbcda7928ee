/**
 * The fourteen commonest tasks of a new administrator, who has no manual: each begins at the first page of the console and goes by what the
 * pages say, never by an address. How many times something is pressed is counted, and has a limit. A desktop in French (Chromium), then
 * a phone in English (Firefox), on one appliance.
 */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { existsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { Appliance, furnish, newcomer, type Account, type House } from './harness/appliance.ts';
import { open, until, type Engine, type Person, type Tab } from './harness/browser.ts';
import { signIn } from './harness/cast.ts';
import { small } from './harness/clip.ts';
import { MailServer } from './harness/exim.ts';
import { reads } from './harness/keyboard.ts';
import { Natives, type Native } from './harness/native.ts';
import { fill, pick, touch } from './harness/pointer.ts';

const port = 2525, binary = process.env.HUISCLOS_BINARY ?? 'build/huisclos-testhook';

let server: MailServer, outward: ChildProcess, h: House;
const persons: Person[] = [], calls: Native[] = [];
before(async () => {
  server = await MailServer.start(port);
  const appliance = await Appliance.start({ settings: `destinations = ["mail=127.0.0.1:${port}"]\n` });
  outward = spawn(binary, ['outward', '--config', path.join(appliance.folder, 'huisclos.toml'), '--data', appliance.data], { stdio: 'inherit' });
  await until('the process outward listens', async () => existsSync(path.join(appliance.data, 'outward.sock')));
  h = await furnish(appliance, 1);
});
after(async () => {
  await Promise.all(persons.map((p) => p.close().catch(() => undefined)));
  for (const c of calls) c.kill();
  outward?.kill();
  await h?.appliance.end();
  await server?.end();
});

/** A public key as ssh-keygen writes it (RFC 8709): short enough to be typed. */
function sshKey(): string {
  const part = (b: Buffer) => { const size = Buffer.alloc(4); size.writeUInt32BE(b.length); return Buffer.concat([size, b]); };
  const { x } = generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' });
  return `ssh-ed25519 ${Buffer.concat([part(Buffer.from('ssh-ed25519')), part(Buffer.from(String(x), 'base64url'))]).toString('base64')}`;
}

/** What somebody looks for, in their language; each is a beginning of what the page shows. */
const words = {
  fr: {
    sections: /^Rubriques/, state: /^État$/, accounts: /^Comptes$/, groups: /^Groupes$/, settings: /^Réglages$/, look: /^Apparence$/, log: /^Journal d’audit$/,
    create: /^Créer un compte$/, name: /^Nom/, email: /^Adresse/, createAct: /^Créer et obtenir le lien$/, handOver: /Remettez ce lien/, done: /^C’est fait$/,
    manage: (n: string) => new RegExp(`^Gérer le compte de ${n}`), role: /^Changer de rôle$/, organiser: /^Organisateur/, give: /^Donner ce rôle$/, given: /Le rôle est changé/,
    takeFactor: /^Retirer le second facteur$/, factorTaken: /Le second facteur est retiré/, block: /^Désactiver le compte$/, blockAct: /^Désactiver$/, blocked: /Le compte est désactivé/,
    list: /^Importer une liste$/, check: /^Vérifier$/, make: /^Créer 2 comptes$/, made: /2 comptes sont créés/,
    group: /^Créer un groupe$/, groupName: /^Nom du groupe/, groupAct: /^Créer$/, find: /^Ajouter une personne/, inGroup: /est dans le groupe/,
    mail: /^Courriel$/, host: /^Serveur de courriel/, security: /^Chiffrement/, none: /^Aucune/, port: /^Port/, from: /^Expéditeur/, save: /^Enregistrer les changements$/, saved: /Les réglages sont enregistrés/, try: /^Envoyer un message d’essai$/, well: /Tout s’est bien passé/,
    who: /^Personne/, search: /^Chercher$/, copy: /JSON Lines/, refused: /Refusé/, why: /^Résultat/, organisation: /^Nom de l’organisation/, saveName: /^Enregistrer le nom$/, nameSaved: /Le nom est enregistré/, logo: /Le logo est enregistré/,
    me: /^Compte de Ada Admin$/, rooms: /^Aller aux salles$/, roomName: /^Nom de la salle/, makeRoom: /^Créer$/, roomMenu: (n: string) => new RegExp(`^Autres actions pour ${n}$`), roomSettings: /^Réglages de la salle$/, guests: /^Adresses électroniques/, invite: /^Envoyer les invitations$/, invited: /Invitation envoyée/,
    backups: /^Sauvegardes$/, keys: /^Clés publiques des sauvegardes/, backup: /^Faire une sauvegarde maintenant$/, backedUp: /Les sauvegardes se font/,
    stop: /^Préparer un arrêt$/, goesOn: /1 réunion est en cours et continue, avec 1 personne/, stopping: /1 réunion est encore en cours, avec 1 personne/, resume: /^Autoriser de nouvelles réunions$/, resumed: /Des réunions peuvent commencer/,
    meetings: /^Réunions$/, end: /^Terminer la réunion/, cut: /1 personne sera déconnectée aussitôt/, ended: /La réunion est terminée/,
  },
  en: {
    sections: /^Sections/, state: /^Status$/, accounts: /^Accounts$/, groups: /^Groups$/, settings: /^Settings$/, look: /^Appearance$/, log: /^Audit log$/,
    create: /^Create an account$/, name: /^Name/, email: /^E-mail/, createAct: /^Create and get the link$/, handOver: /Hand this link/, done: /^Done$/,
    manage: (n: string) => new RegExp(`^Manage the account of ${n}`), role: /^Change the role$/, organiser: /^Organiser/, give: /^Give this role$/, given: /The role is changed/,
    takeFactor: /^Remove the second factor$/, factorTaken: /The second factor is removed/, block: /^Disable the account$/, blockAct: /^Disable$/, blocked: /The account is disabled/,
    list: /^Import a list$/, check: /^Check it$/, make: /^Create 2 accounts$/, made: /2 accounts are created/,
    group: /^Create a group$/, groupName: /^Name of the group/, groupAct: /^Create$/, find: /^Add a person/, inGroup: /is in the group/,
    mail: /^Mail$/, host: /^Mail server/, security: /^Encryption/, none: /^None/, port: /^Port/, from: /^Sender/, save: /^Save the changes$/, saved: /The settings are saved/, try: /^Send a test message$/, well: /All went well/,
    who: /^Person/, search: /^Search$/, copy: /JSON Lines/, refused: /Refused/, why: /^Result/, organisation: /^Name of the organisation/, saveName: /^Save the name$/, nameSaved: /The name is saved/, logo: /The logo is saved/,
    me: /^Account of Ada Admin$/, rooms: /^Go to rooms$/, roomName: /^Name of the room/, makeRoom: /^Create$/, roomMenu: (n: string) => new RegExp(`^More actions for ${n}$`), roomSettings: /^Room settings$/, guests: /^E-mail addresses/, invite: /^Send the invitations$/, invited: /Invitation sent/,
    backups: /^Backups$/, keys: /^Public keys of backups/, backup: /^Make a backup now$/, backedUp: /Backups are being made/,
    stop: /^Prepare a stop$/, goesOn: /1 meeting is in progress and goes on, with 1 person/, stopping: /1 meeting is still in progress, with 1 person/, resume: /^Allow new meetings$/, resumed: /Meetings can begin/,
    meetings: /^Meetings$/, end: /^End the meeting/, cut: /1 person will be disconnected at once/, ended: /The meeting is over/,
  },
} as const;
type Words = (typeof words)['fr'] | (typeof words)['en'];

/** An administrator at a console: everything that is pressed is counted. */
class Administrator {
  pressed = 0;
  readonly counted: string[] = [];
  constructor(readonly tab: Tab, readonly w: Words) {}

  async press(name: RegExp): Promise<void> { this.pressed++; await touch(this.tab, name); }
  async choose(label: RegExp, option: RegExp): Promise<void> { this.pressed += 2; await pick(this.tab, label, option); }
  fill(label: RegExp, text: string): Promise<void> { return fill(this.tab, label, text); }
  reads(text: RegExp): Promise<string> { return reads(this.tab, text, 30_000); }

  /** On a phone the sections stand behind a button. */
  async go(section: RegExp): Promise<void> {
    const folded = await this.tab.run(() => { const b = document.querySelector<HTMLElement>('.console__open'); return b !== null && b.offsetParent !== null && b.getAttribute('aria-expanded') === 'false'; });
    if (folded) await this.press(this.w.sections);
    await this.press(section);
  }
  async file(name: string, content: Buffer): Promise<void> {
    this.pressed += 2; // the field, and the file in the system's dialog
    const at = path.join(h.appliance.folder, name);
    writeFileSync(at, content);
    await until('a field for a file', () => this.tab.run(() => [...document.querySelectorAll('dialog[open] input[type=file], main input[type=file]')].length > 0));
    type Holder = { page: { $(s: string): Promise<{ setInputFiles?(f: string): Promise<void>; uploadFile?(f: string): Promise<void> } | null> } };
    const field = await (this.tab as unknown as Holder).page.$('input[type=file]');
    await (field?.setInputFiles ? field.setInputFiles(at) : field?.uploadFile?.(at));
  }
  /** A task: from the first page, with so many presses at most. */
  async task(name: string, most: number, act: () => Promise<void>): Promise<void> {
    await this.go(this.w.state);
    this.pressed = 0;
    const began = Date.now();
    await act();
    this.counted.push(`${name} ${this.pressed} (${((Date.now() - began) / 1000).toFixed(1)} s)`);
    console.log(this.counted.at(-1)); // where a slow machine is stopped, what was done so far is known
    assert.ok(this.pressed <= most, `${name}: ${this.pressed} presses, more than ${most}`);
  }
}

async function allTasks(engine: Engine, lang: 'fr' | 'en', width: number): Promise<void> {
  const w = words[lang], tag = `${lang}${width}`, url = h.appliance.url;
  const someone = async (name: string, role: 'member' | 'organiser'): Promise<Account> => (await newcomer(h.appliance, h.admin, { name: `${name} ${tag}`, email: `${name.toLowerCase()}.${tag}@example.test`, passphrase: 'cascade verrou mousse talus', role })).account;
  const lost = await someone('Lucie', 'member'), blocked = await someone('Boris', 'member'), raised = await someone('Rosa', 'member');
  const owner = h.appliance.client();
  await owner.login(lost);
  await owner.enrol(lost.passphrase);

  const person = await open({ engine, id: persons.length + 1, size: small, clip: false, look: { lang, width, height: width < 500 ? 780 : 860 } });
  persons.push(person);
  const t = await person.tab();
  await t.goto(`${url}/about`);
  await t.run((l) => { localStorage.setItem('huisclos.lang', l); }, lang);
  await signIn(t, h, h.ada);
  await t.goto(`${url}/console/`);
  const a = new Administrator(t, w);
  await a.reads(lang === 'fr' ? /Tout va bien|demande|Il n’y a pas/ : /All well|needs|There is no/);
  const accountOf = async (email: string) => ((await h.admin.must('GET', `/api/admin/accounts?query=${encodeURIComponent(email)}`)).accounts as { role: string; state: string; secondFactor: boolean }[])[0]!;
  /** Finds somebody in the list, and opens what can be done. */
  const openAccount = async (who: Account) => {
    await a.go(w.accounts);
    await fill(t, lang === 'fr' ? /^Chercher un nom/ : /^Search a name/, who.name);
    await a.press(w.manage(who.name));
  };

  await a.task('mail', 11, async () => {
    await a.go(w.settings);
    await a.press(w.mail);
    await a.fill(w.host, '127.0.0.1');
    await a.choose(w.security, w.none);
    await a.fill(w.port, String(port));
    await a.fill(w.from, `visio-${tag}@example.test`);
    await a.press(w.save);
    await a.reads(w.saved);
    await a.press(w.try);
    await a.reads(w.well);
    await until('the test message', async () => server.mails().some((m) => m.includes(`visio-${tag}@`)), 10_000);
  });
  await a.task('guest', 7, async () => {
    const room = `Conseil ${tag}`, email = `invite.${tag}@example.test`;
    await a.press(w.me);
    await a.press(w.rooms);
    await a.fill(w.roomName, room);
    await a.press(w.makeRoom);
    await a.press(w.roomMenu(room));
    await a.press(w.roomSettings);
    await a.fill(w.guests, email);
    await a.press(w.invite);
    await a.reads(w.invited);
    await until('the invitation', async () => server.mails().some((m) => m.includes(`To: <${email}>`) && /https:\S+\/i#[\w-]{43}/.test(m)), 15_000);
    // The links of the tasks that follow are handed over by hand.
    await h.admin.must('PATCH', '/api/admin/settings', { changes: { 'mail.host': null, 'mail.security': null, 'mail.port': null, 'mail.from': null } });
    await t.goto(`${url}/console/`);
  });
  await a.task('account and its link', 5, async () => {
    await a.go(w.accounts);
    await a.press(w.create);
    await a.fill(w.name, `Nora ${tag}`);
    await a.fill(w.email, `nora.${tag}@example.test`);
    await a.press(w.createAct);
    await a.reads(w.handOver);
    const link = await until('the link', () => t.run(() => /https:\S+\/activate#[\w-]{43}/.exec(document.querySelector('dialog[open]')?.textContent ?? '')?.[0] ?? null));
    assert.equal((await h.appliance.client().must('POST', '/api/activation', { token: new URL(link).hash.slice(1) })).email, `nora.${tag}@example.test`);
    await a.press(w.done);
  });
  await a.task('role', 6, async () => {
    await openAccount(raised);
    await a.press(w.role);
    await a.press(w.organiser);
    await a.press(w.give);
    await a.reads(w.given);
    assert.equal((await accountOf(raised.email)).role, 'organiser');
  });
  await t.goto(`${url}/console/`);
  await a.task('lost second factor', 5, async () => {
    await openAccount(lost);
    await a.press(w.takeFactor);
    await a.press(w.takeFactor);
    await a.reads(w.factorTaken);
    assert.equal((await accountOf(lost.email)).secondFactor, false);
  });
  await t.goto(`${url}/console/`);
  await a.task('block', 5, async () => {
    await openAccount(blocked);
    await a.press(w.block);
    await a.press(w.blockAct);
    await a.reads(w.blocked);
    assert.equal((await accountOf(blocked.email)).state, 'disabled');
    assert.equal((await h.appliance.client().call('POST', '/api/login', { email: blocked.email, passphrase: blocked.passphrase })).status, 401);
  });
  await t.goto(`${url}/console/`);
  await a.task('import', 8, async () => {
    await a.go(w.accounts);
    await a.press(w.list);
    await a.file(`people-${tag}.csv`, Buffer.from(`nom,courriel\nIris ${tag},iris.${tag}@example.test\nJean ${tag},jean.${tag}@example.test\n`));
    await a.press(w.check);
    await a.press(w.make);
    await a.reads(w.made);
    await a.press(w.done);
  });
  await a.task('group', 7, async () => {
    await a.go(w.groups);
    await a.press(w.group);
    await a.fill(w.groupName, `Équipe ${tag}`);
    await a.press(w.groupAct);
    await a.fill(w.find, raised.name);
    await until('somebody is found', () => t.run(() => document.querySelector('[role=option]') !== null));
    for (const key of ['ArrowDown', 'Enter']) { a.pressed++; await t.press(key); }
    await a.reads(w.inGroup);
  });
  await t.goto(`${url}/console/`);
  await a.task('name and logo', 6, async () => {
    await a.go(w.look);
    await a.fill(w.organisation, `Mairie ${tag}`);
    await a.press(w.saveName);
    await a.reads(w.nameSaved);
    const drawn = await t.run(() => {
      const c = document.createElement('canvas'), x = c.getContext('2d');
      c.width = 300; c.height = 100;
      if (x) { x.fillStyle = '#224488'; x.fillRect(0, 0, 300, 100); }
      return c.toDataURL('image/png').split(',')[1] ?? '';
    });
    await a.file(`logo-${tag}.png`, Buffer.from(drawn, 'base64'));
    await a.reads(w.logo);
  });
  await a.task('why somebody cannot sign in', 6, async () => {
    await a.go(w.log);
    await a.fill(w.who, blocked.name);
    await a.choose(w.why, w.refused);
    await a.press(w.search);
    await until('the refused sign-in', () => t.run((who) => [...document.querySelectorAll('main tr, main li')].some((r) => (r.textContent ?? '').includes(who)), blocked.name));
  });
  await a.task('who did what, and a copy of it', 5, async () => {
    await a.go(w.log);
    await a.fill(w.who, h.ada.name);
    await a.press(w.search);
    await until('their acts', () => t.run((who) => (document.querySelector('main')?.textContent ?? '').includes(who), h.ada.name));
    const href = await until('the copy', () => t.run(([source]) => [...document.querySelectorAll<HTMLAnchorElement>('a[href]')].find((l) => new RegExp(source).test(l.textContent ?? ''))?.href ?? null, [w.copy.source] as const));
    a.pressed++; // the link, which a program can only follow beside the page
    const copy = await t.run(async (u) => { const r = await fetch(u); return { status: r.status, head: (await r.text()).slice(0, 200) }; }, href);
    assert.equal(copy.status, 200);
    assert.match(copy.head, /^\{/);
  });
  await t.goto(`${url}/console/`);
  await a.task('backup', 4, async () => {
    const backups = async () => await h.admin.must('GET', '/api/admin/backups') as { good?: string; backups: unknown[] }, before = await backups();
    await a.go(w.backups);
    await a.fill(w.keys, sshKey());
    await a.press(w.save);
    await a.reads(w.saved);
    await a.press(w.backup);
    await a.reads(w.backedUp);
    await until('another backup', async () => { const now = await backups(); return now.good !== undefined && now.good !== before.good && now.backups.length > 0; }, 10_000);
    await h.admin.must('PATCH', '/api/admin/settings', { changes: { 'backup.recipients': null } });
  });
  const call = (await Natives.of(h)).join(h.owner, []);
  calls.push(call);
  await call.reaches('in-call');
  await t.goto(`${url}/console/`);
  await a.task('before a stop', 3, async () => {
    await a.press(w.stop);
    await a.reads(w.goesOn);
    await a.press(w.stop);
    await a.reads(w.stopping);
    const { draining } = await h.admin.must('GET', '/api/admin/status') as { draining: boolean };
    assert.equal(draining, true);
    await a.press(w.resume);
    await a.reads(w.resumed);
  });
  await a.task('end a meeting', 4, async () => {
    await a.go(w.meetings);
    await a.press(w.end);
    await a.reads(w.cut);
    await a.press(w.end);
    await a.reads(w.ended);
    assert.deepEqual((await h.admin.must('GET', '/api/admin/calls')).calls, []);
  });
  assert.equal(a.counted.length, 14);
  console.log(`presses (${lang}, ${width} px): ${a.counted.join(', ')}`);
}

test('fourteen tasks, French, a desktop', { timeout: 240_000 }, () => allTasks('chromium', 'fr', 1280));
test('fourteen tasks, English, a phone', { timeout: 240_000 }, () => allTasks('firefox', 'en', 390));
