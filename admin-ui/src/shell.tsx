/** The frame of the console: few sections on the left (above on a phone), the state of the appliance in one sentence on top. */
import type { ComponentChildren } from "preact";
import { Avatar, Button, chooseLang, chooseTheme, Icon, IconButton, kit, lang, Logo, Menu, MenuItem, MenuLine, MenuLink, MenuTitle, Notice, theme, type IconName } from "@huisclos/ui-kit";
import { base, go, mySecurity, place, section } from "./route.ts";
import { askStatus, recoveryLeft, session, signOut, status, useEvery } from "./session.ts";
import { groupWords } from "./words/groups.ts";
import { words } from "./words/console.ts";

const sections: readonly { at: string; icon: IconName; name: () => string }[] = [
  { at: "", icon: "activity", name: () => words.value.overview },
  { at: "accounts", icon: "users-round", name: () => words.value.accounts },
  { at: "groups", icon: "layout-grid", name: () => groupWords.value.title },
  { at: "calls", icon: "video", name: () => words.value.calls },
  { at: "audit", icon: "scroll-text", name: () => words.value.audit },
  { at: "about", icon: "info", name: () => words.value.about },
];

export function Shell({ children }: { children: ComponentChildren }) {
  const t = words.value;
  const here = section(place.value);
  useEvery(10_000, askStatus);
  return (
    <div class="console">
      <a class="skip unseen" href="#main">{t.skip}</a>
      <header class="console__head">
        <Logo href={`${base}/`} suffix={t.console} />
        <StateLine />
        <div class="console__end"><MeMenu /></div>
      </header>
      <nav class="console__nav" aria-label={t.nav}>
        {sections.map((s) => (
          <a key={s.at} class="console__link" href={`${base}/${s.at}`} aria-current={s.at === here ? "page" : undefined}><Icon name={s.icon} /><span>{s.name()}</span></a>
        ))}
      </nav>
      <main class="console__main" id="main" tabIndex={-1}><RecoveryLeft />{children}</main>
    </div>
  );
}

/** Somebody who came in by a recovery code learns how many are left, and where to get new ones. */
function RecoveryLeft() {
  const t = words.value.factor;
  const left = recoveryLeft.value;
  if (left === null) return null;
  const gone = () => { recoveryLeft.value = null; };
  return (
    <div class="note">
      <Notice tone={left <= 2 ? "attention" : "info"} live>
        <p>{t.usedRecovery(left)}</p>
        <p class="row row--wrap"><a href={mySecurity}>{t.mySecurity}</a><Button look="quiet" onClick={gone}>{t.understood}</Button></p>
      </Notice>
    </div>
  );
}

export function StateLine() {
  const t = words.value.state;
  const { last, lost } = status.value;
  const text = lost ? t.lost : last ? t.well(last.calls, last.people) : t.asking;
  return <p class={lost ? "state state--lost" : "state"} role="status"><Icon name={lost ? "wifi-off" : "check"} size="s" /><span>{text}</span></p>;
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
  const { name, id, email } = s.me.account;
  return (
    <Menu label={t.menu(name)} opener={({ props: { ref, ...rest } }) => (
      <button {...rest} ref={ref} type="button" class="console__me" aria-label={t.menu(name)}><Avatar name={name} of={id} /><Icon name="chevron-down" size="s" /></button>
    )}>
      {(close) => (
        <>
          <div class="console__who" role="presentation"><b>{name}</b><span class="muted small">{email}</span></div>
          <MenuLink href="/" icon="house">{t.toMeetings}</MenuLink>
          <MenuLink href={mySecurity} icon="shield-check">{t.factor.mySecurity}</MenuLink>
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
export function Entrance({ children }: { children: ComponentChildren }) {
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
      <main class="entrance__main" id="main" tabIndex={-1}>{children}</main>
    </div>
  );
}

export function Head({ title, children }: { title: string; children?: ComponentChildren }) {
  return <div class="head"><h1>{title}</h1>{children}</div>;
}
