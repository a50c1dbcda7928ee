/** The desk around a page: logo, where one can go, who one is. */
import type { ComponentChildren } from "preact";
import { Avatar, Button, chooseLang, chooseTheme, Icon, IconButton, kit, lang, Logo, Menu, MenuItem, MenuLine, MenuLink, MenuTitle, Notice, theme, type Lang, type Theme } from "@huisclos/ui-kit";
import { go, place } from "../route.ts";
import { recoveryLeft, session, signOut } from "../session.ts";
import { connection } from "../words/connection.ts";
import { directoryWords } from "../words/directory.ts";
import { desk } from "../words/desk.ts";

export const langNames: Record<Lang, string> = { fr: "Français", en: "English" };
/** The part of the account page about the second factor. */
export const mySecurity = "/account#second-factor";
/** With so few recovery codes left it is time for new ones. */
export const few = 2;
export const themes: readonly Theme[] = ["system", "light", "dark"];

export function Frame({ children, wide, bare }: { children: ComponentChildren; wide?: boolean; bare?: boolean }) {
  const t = desk.value;
  const s = session.value;
  return (
    <div class="desk">
      <a class="skip unseen" href="#main">{t.skip}</a>
      <header class="desk__head">
        <Logo href="/" />
        {s.state === "in" ? <AccountMenu name={s.me.account.name} email={s.me.account.email} id={s.me.account.id} admin={s.me.account.role === "administrator"} /> : <ShowMenu />}
      </header>
      <RecoveryLeft />
      {bare ? children : <main class={wide ? "desk__main desk__main--wide" : "desk__main"} id="main" tabIndex={-1}>{children}</main>}
      <footer class="desk__foot small"><a href="/about">{t.about}</a></footer>
    </div>
  );
}

/** Somebody who came in by a recovery code learns how many are left, and where to get new ones. */
function RecoveryLeft() {
  const t = desk.value.factor;
  const left = recoveryLeft.value;
  if (left === null || session.value.state !== "in") return null;
  const gone = () => { recoveryLeft.value = null; };
  return (
    <aside class="desk__note" aria-label={t.title}>
      <Notice tone={left <= few ? "attention" : "info"} live>
        <p>{t.usedRecovery(left)}</p>
        <p class="row row--wrap"><a href={mySecurity} onClick={gone}>{t.mySecurity}</a><Button look="quiet" onClick={gone}>{t.understood}</Button></p>
      </Notice>
    </aside>
  );
}

function ShowItems({ close }: { close: () => void }) {
  return (
    <>
      <div role="group" aria-label={kit.value.language}>
        <MenuTitle>{kit.value.language}</MenuTitle>
        {(["fr", "en"] as const).map((l) => <MenuItem key={l} checked={lang.value === l} onClick={() => { chooseLang(l); close(); }}><span lang={l}>{langNames[l]}</span></MenuItem>)}
      </div>
      <div role="group" aria-label={kit.value.theme}>
        <MenuTitle>{kit.value.theme}</MenuTitle>
        {themes.map((x) => <MenuItem key={x} checked={theme.value === x} onClick={() => { chooseTheme(x); close(); }}>{kit.value.themes[x]}</MenuItem>)}
      </div>
    </>
  );
}

function ShowMenu() {
  const name = desk.value.me.look;
  return <Menu label={name} opener={({ props: { ref, ...rest } }) => <IconButton {...rest} innerRef={ref} name={name} icon="languages" />}>{(close) => <ShowItems close={close} />}</Menu>;
}

function AccountMenu({ name, email, id, admin }: { name: string; email: string; id: string; admin: boolean }) {
  const t = desk.value;
  return (
    <nav class="row" aria-label={t.nav}>
      <a class="desk__link" href="/" aria-current={place.value.pathname === "/" ? "page" : undefined}>{t.rooms}</a>
      <a class="desk__link" href="/directory" aria-current={place.value.pathname === "/directory" ? "page" : undefined}>{directoryWords.value.title}</a>
      <Menu label={t.accountMenu(name)} opener={({ props: { ref, ...rest } }) => (
        <button {...rest} ref={ref} type="button" class="desk__me" aria-label={t.accountMenu(name)}><Avatar name={name} of={id} /><Icon name="chevron-down" size="s" /></button>
      )}>
        {(close) => (
          <>
            <div class="desk__who" role="presentation"><b>{name}</b><span class="muted small">{email}</span></div>
            <MenuLink href="/directory" icon="users-round">{directoryWords.value.title}</MenuLink>
            <MenuLink href="/account" icon="circle-user-round">{t.account}</MenuLink>
            <MenuLink href="/test" icon="activity">{connection.value.link}</MenuLink>
            {admin && <MenuLink href="/console/" icon="settings-2">{t.console}</MenuLink>}
            <MenuLine />
            <ShowItems close={close} />
            <MenuLine />
            <MenuItem icon="log-out" onClick={() => { close(); void signOut().finally(() => go("/")); }}>{t.signOut}</MenuItem>
          </>
        )}
      </Menu>
    </nav>
  );
}
