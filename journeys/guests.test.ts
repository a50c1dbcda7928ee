/**
 * Somebody from outside: an organiser invites by address, a real mail server gets the invitation and the code, and a person with a phone
 * is in the lobby within a minute, nothing installed; the host sees who is a guest, admits, and they see and hear each other. A guest
 * comes to no other room, and an administrator turns the account into a member's.
 */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { house, type Account, type Client, type House } from './harness/appliance.ts';
import { open, until, type Engine, type Tab } from './harness/browser.ts';
import { arrive, Player, scatter, signIn } from './harness/cast.ts';
import { small } from './harness/clip.ts';
import { MailServer } from './harness/exim.ts';
import { also } from './harness/form.ts';
import { reads } from './harness/keyboard.ts';
import { fill, touch } from './harness/pointer.ts';
import { faultsOf, refusedByPolicy, type Sight } from './harness/sight.ts';

const port = 2526, binary = process.env.HUISCLOS_BINARY ?? 'build/huisclos-testhook';
const settings = `[mail]\nhost = "127.0.0.1"\nport = ${port}\nsecurity = "none"\nfrom = "visio@example.test"\n`;

let server: MailServer, h: House, outward: ChildProcess, owner: Client;
const players: Player[] = [];
before(async () => {
  server = await MailServer.start(port);
  h = await house(1, { settings });
  outward = spawn(binary, ['outward', '--config', path.join(h.appliance.folder, 'huisclos.toml'), '--data', h.appliance.data], { stdio: 'inherit' });
  owner = h.appliance.client();
  await owner.login(h.owner);
});
after(async () => {
  await scatter(players);
  outward?.kill();
  await h?.appliance.end();
  await server?.end();
});

const words = {
  fr: { emails: /^Adresses électroniques/, send: /^Envoyer les invitations$/, sent: /Invitation envoyée/, who: /Hélène Hôte vous invite dans la salle/, ask: /^Envoyer le code$/, email: /^Adresse électronique/, code: /^Code à 8 chiffres/, check: /^Continuer$/, name: /^Votre nom/, phrase: /^Choisissez une phrase de passe/, enter: /^Aller à la salle$/, door: /Entrer|Demander/, badge: 'Invité', wrong: /Ce code n'est pas le bon/, used: /Cette invitation a déjà servi/, refused: /Votre compte ne permet pas/ },
  en: { emails: /^E-mail addresses/, send: /^Send the invitations$/, sent: /Invitation sent/, who: /Hélène Hôte invites you to the room/, ask: /^Send the code$/, email: /^E-mail address/, code: /^8-digit code/, check: /^Continue$/, name: /^Your name/, phrase: /^Choose a passphrase/, enter: /^Go to the room$/, door: /Enter|Ask/, badge: 'Guest', wrong: /This code is not the right one/, used: /This invitation was used already/, refused: /Your account does not allow this/ },
} as const;
const passphrase = 'tilleul comete rapide 58';

const mailTo = (email: string, has: RegExp) => until(`a mail to ${email} with ${String(has)}`, () => Promise.resolve(server.mails().filter((m) => m.includes(`To: <${email}>`)).map((m) => has.exec(m)?.[0]).findLast((x) => x !== undefined)), 30_000);
const speak = (t: Tab, lang: 'fr' | 'en') => t.run((l) => { localStorage.setItem('huisclos.lang', l); }, lang);

for (const [i, c] of ([{ engine: 'firefox', lang: 'fr', theme: 'light' }, { engine: 'chromium', lang: 'en', theme: 'dark' }] satisfies { engine: Engine; lang: 'fr' | 'en'; theme: 'light' | 'dark' }[]).entries()) {
  (i === 0 ? test : also)(`from the mail to the lobby on a phone (${c.engine}, ${c.lang})`, { timeout: 200_000 }, async () => {
    const w = words[c.lang], faults: string[] = [], email = `gast${i}@example.test`, name = `Gaëlle ${c.lang}`, look: Sight = { lang: c.lang, theme: c.theme, width: 390 };
    const room = await owner.must('POST', '/api/rooms', { name: `Conseil ${c.lang}` }) as { id: string };
    // The organiser invites, in the settings of the room.
    const desk: Sight = { lang: c.lang, theme: c.theme, width: 1280 };
    const host = await arrive({ ...h, room: { id: room.id, name: '', link: `${h.appliance.url}/r/${room.id}#${h.owner.id}` } }, 0, 'chromium', { look: { lang: c.lang, dark: c.theme === 'dark', width: 1280, height: 800 } });
    players.push(host);
    await speak(host.tab, c.lang);
    await host.tab.goto(`${h.appliance.url}/r/${room.id}/settings`);
    await fill(host.tab, w.emails, email);
    await touch(host.tab, w.send);
    await reads(host.tab, w.sent);
    await reads(host.tab, new RegExp(email));
    faults.push(...await faultsOf(host.tab, 'guests-settings', desk));
    // A link to pass on is shown once, here and nowhere else.
    await touch(host.tab, c.lang === 'fr' ? /^Créer un lien$/ : /^Make a link$/);
    const open_ = await until('the link', () => host.tab.run(() => /https:\S+\/i#[\w-]{43}/.exec(document.querySelector('#part-guests ~ div .link-text')?.textContent ?? '')?.[0] ?? null));
    assert.equal((await h.appliance.client().must('POST', '/api/invitation', { token: new URL(open_).hash.slice(1) })).email, '');
    await host.tab.resize(390, 844);
    faults.push(...await faultsOf(host.tab, 'guests-link', look));
    await host.tab.resize(1280, 800);
    await host.tab.reload();
    await reads(host.tab, c.lang === 'fr' ? /0 sur 20 acceptée/ : /0 of 20 accepted/);
    const link = await mailTo(email, /https:\S+\/i#[\w-]{43}/);
    assert.equal(await host.tab.run(() => document.documentElement.innerHTML.includes('/i#')), false, 'the organiser sees the link of somebody’s mail');
    await host.tab.goto(`${h.appliance.url}/r/${room.id}#${h.owner.id}`);
    await host.prepare();
    await host.start();
    await host.reaches('in-call');

    // The person, on a phone.
    const person = await open({ engine: c.engine, id: 2 + i, size: small, look: { lang: c.lang, dark: c.theme === 'dark', width: 390, height: 844 } });
    const tab = await person.tab(), guest = new Player(person, tab, { name, email, passphrase, id: '' } as Account, h);
    players.push(guest);
    await tab.goto(`${h.appliance.url}/about`);
    await speak(tab, c.lang);
    const from = Date.now();
    let aside = 0; // the time that looking at the page takes this test
    const see = async (what: string) => { const at = Date.now(); faults.push(...await faultsOf(tab, `guests-${what}-${c.engine}`, look)); aside += Date.now() - at; };
    await tab.goto(link);
    await reads(tab, w.who);
    await until('the address is there', () => tab.run((e) => [...document.querySelectorAll('input')].some((f) => f.value === e), email));
    await see('address');
    await touch(tab, w.ask);
    await until('the field for the code', () => tab.run(() => document.querySelector('input[autocomplete="one-time-code"][inputmode=numeric]') !== null));
    const code = (await mailTo(email, /\b\d{4} \d{4}\b/)).replace(' ', '');
    await see('code');
    await fill(tab, w.code, code === '12345678' ? '87654321' : '12345678');
    await touch(tab, w.check);
    await reads(tab, w.wrong);
    // A phone may have thrown the page away while its owner looked at the mail.
    await tab.reload();
    await fill(tab, w.code, code);
    await touch(tab, w.check);
    await fill(tab, w.name, name);
    await fill(tab, w.phrase, passphrase);
    await see('name');
    await touch(tab, w.enter);
    await until('the door', () => tab.run(() => window.__huisclos !== undefined), 30_000);
    assert.match(await tab.run(() => location.pathname), new RegExp(`^/r/${room.id}$`));
    await guest.prepare();
    await guest.start();
    await guest.reaches('waiting-lobby');
    const took = (Date.now() - from - aside) / 1000;
    assert.ok(took < 60, `${took} s from the link to the lobby`);
    console.log(`# ${c.engine}: ${took.toFixed(1)} s from the link to the lobby`);

    // The host sees who is a guest before admitting, and afterwards.
    const badges = (selector: string) => host.tab.run(([s, b]) => [...document.querySelectorAll(s)].filter((e) => e.textContent?.trim() === b).length, [selector, w.badge] as const);
    await host.tab.press('p');
    await until('the badge in the lobby', async () => (await badges('.lobby .badge')) === 1);
    faults.push(...await faultsOf(host.tab, 'guests-lobby', desk, c.lang));
    await host.admits(name);
    await guest.reaches('in-call');
    await until('the badge in the list', async () => (await badges('.people .badge')) === 1);
    await until('the badge on the tile', async () => (await badges('.tile__guest')) === 1);
    await host.sensesOf(guest);
    await guest.sensesOf(host);
    faults.push(...await faultsOf(host.tab, 'guests-call', desk, c.lang));

    // No other room, and no second use of the invitation.
    const visitor = h.appliance.client();
    await visitor.login({ email, passphrase });
    assert.equal((await visitor.call('GET', `/api/rooms/${room.id}`)).status, 200);
    assert.equal((await visitor.call('GET', `/api/rooms/${h.room.id}`)).status, 403);
    await tab.goto(h.room.link);
    await reads(tab, w.refused);
    await tab.goto('about:blank');
    await tab.goto(link);
    await reads(tab, w.used);
    await see('used');

    // The administrator makes it a member's account: the passphrase stays, other rooms open.
    const of = async () => ((await h.admin.must('GET', `/api/admin/accounts?query=gast${i}`)).accounts as { id: string; role: string; guest?: { name: string } }[])[0]!;
    assert.equal((await of()).guest?.name, h.owner.name);
    const console_ = host.tab;
    await signIn(console_, h, h.ada);
    await speak(console_, c.lang);
    await console_.goto(`${h.appliance.url}/console/accounts`);
    await reads(console_, new RegExp(name));
    faults.push(...await faultsOf(console_, 'guests-console', desk));
    await touch(console_, new RegExp(c.lang === 'fr' ? `^Gérer le compte de ${name}$` : `^Manage the account of ${name}$`));
    await touch(console_, c.lang === 'fr' ? /^En faire un compte complet$/ : /^Make it a full account$/);
    await touch(console_, c.lang === 'fr' ? /^Membre/ : /^Member/);
    faults.push(...await faultsOf(console_, 'guests-member', desk));
    await touch(console_, c.lang === 'fr' ? /^(Donner|Changer).*rôle$/ : /^(Give|Change).*role$/);
    await until('a member', async () => (await of()).role === 'member');
    assert.equal((await of()).guest, undefined);
    const member = h.appliance.client();
    await member.login({ email, passphrase });
    assert.equal((await member.call('GET', `/api/rooms/${h.room.id}`)).status, 200);
    assert.deepEqual([...faults, ...refusedByPolicy(tab), ...refusedByPolicy(host.tab)], []);
    await scatter(players.splice(0));
  });
}
