/** The frame of the console: few groups of sections on the left (behind a button on a phone), the state of the appliance in one sentence on top. */
import type { ComponentChildren } from "preact";
import { ago, Avatar, chooseLang, chooseTheme, House, Icon, IconButton, kit, lang, Logo, Menu, MenuItem, MenuLine, MenuLink, MenuTitle, RecoveryNotice, Staying, theme } from "@huisclos/ui-kit";
import { admin } from "./api.ts";
import { Navigation } from "./navigation.tsx";
import { base, go, mySecurity } from "./route.ts";
import { asApiError, askStatus, recoveryLeft, session, signOut, status, useEvery } from "./session.ts";
import { words } from "./words/console.ts";
import { attentionSaid, watchWords } from "./words/watch.ts";

/** here: the section that is shown. */
export function Shell({ here, children }: { here: string; children: ComponentChildren }) {
  const t = words.value;
  const s = session.value;
  if (s.state !== "in") return null;
  const role = s.me.account.role;
  return (
    <div class="console">
      <a class="skip unseen" href="#main">{t.skip}</a>
      <header class="console__head">
        <Logo href={`${base}/`} suffix={t.console} />
        {role === "administrator" && <StateLine />}
        <Staying after={s.me.idle?.console ?? 0} console ask={() => admin.policy().catch(asApiError)} />
        <div class="console__end"><MeMenu /></div>
      </header>
      <Navigation here={here} role={role} />
      <main class="console__main" id="main" tabIndex={-1}><RecoveryLeft />{children}</main>
    </div>
  );
}

function RecoveryLeft() {
  const left = recoveryLeft.value;
  return left === null ? null : <div class="note"><RecoveryNotice left={left} href={mySecurity} onGone={() => { recoveryLeft.value = null; }} /></div>;
}

export function StateLine() {
  const t = words.value.state;
  useEvery(10_000, askStatus);
  const { last, lost } = status.value;
  const worst = lost ? undefined : last?.attention[0];
  const more = (last?.attention.length ?? 1) - 1;
  const text = lost ? t.lost : worst ? `${attentionSaid(worst).text}${more > 0 ? ` ${watchWords.value.more(more)}` : ""}` : last ? t.well(last.calls, last.people, last.backup ? ago(last.backup) : "") : t.asking;
  return <p class={lost || worst ? "state state--lost" : "state"} role="status"><Icon name={lost ? "wifi-off" : worst ? "triangle-alert" : "check"} size="s" /><span>{worst ? <a href={`${base}/`}>{text}</a> : text}</span></p>;
}

function ShowItems({ close }: { close: () => void }) {
  return (
    <>
      <div role="group" aria-label={kit.value.language}>
        <MenuTitle>{kit.value.language}</MenuTitle>
        <MenuItem checked={lang.value === "fr"} onClick={() => { chooseLang("fr"); close(); }}><span lang="fr">Français</span></MenuItem>
        <MenuItem checked={lang.value === "en"} onClick={() => { chooseLang("en"); close(); }}><span lang="en">English</span></MenuItem>
      </div>
      <div role="group" aria-label={kit.value.theme}>
        <MenuTitle>{kit.value.theme}</MenuTitle>
        {(["system", "light", "dark"] as const).map((x) => <MenuItem key={x} checked={theme.value === x} onClick={() => { chooseTheme(x); close(); }}>{kit.value.themes[x]}</MenuItem>)}
      </div>
    </>
  );
}

function MeMenu() {
  const t = words.value;
  const s = session.value;
  if (s.state !== "in") return null;
  const { name, id, email, role } = s.me.account;
  return (
    <Menu label={t.menu(name)} opener={({ props: { ref, ...rest } }) => (
      <button {...rest} ref={ref} type="button" class="console__me" aria-label={t.menu(name)}><Avatar name={name} of={id} /><Icon name="chevron-down" size="s" /></button>
    )}>
      {(close) => (
        <>
          <div class="console__who" role="presentation"><b>{name}</b><span class="muted small">{email}</span></div>
          {role !== "auditor" && <MenuLink href="/" icon="house">{t.toMeetings}</MenuLink>}
          <MenuLink href={mySecurity} icon="shield-check">{t.mySecurity}</MenuLink>
          <MenuLine />
          <ShowItems close={close} />
          <MenuLine />
          <MenuItem icon="log-out" onClick={() => { close(); void signOut().finally(() => go(`${base}/`)); }}>{t.signOut}</MenuItem>
        </>
      )}
    </Menu>
  );
}

/** The frame of a page before anybody is signed in. */
export function Entrance({ children, wide }: { children: ComponentChildren; wide?: boolean }) {
  const t = words.value;
  return (
    <div class="entrance">
      <a class="skip unseen" href="#main">{t.skip}</a>
      <header class="console__head">
        <Logo suffix={t.console} />
        <div class="console__end">
          <Menu label={kit.value.language} opener={({ props: { ref, ...rest } }) => <IconButton {...rest} innerRef={ref} name={kit.value.language} icon="languages" />}>{(close) => <ShowItems close={close} />}</Menu>
        </div>
      </header>
      <main class={wide ? "entrance__main entrance__main--wide" : "entrance__main"} id="main" tabIndex={-1}>{children}</main>
      <footer class="entrance__foot"><House /></footer>
    </div>
  );
}

export function Head({ title, children }: { title: string; children?: ComponentChildren }) {
  return <div class="head"><h1>{title}</h1>{children}</div>;
}
