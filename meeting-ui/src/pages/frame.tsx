/** The desk around a page: logo, where one can go, who one is. */
import type { ComponentChildren } from "preact";
import { Avatar, chooseLang, chooseTheme, endPart, factorPart, House, Icon, IconButton, kit, lang, LeavingNotice, life, Logo, Menu, MenuItem, MenuLine, MenuLink, MenuTitle, own, privileged, RecoveryNotice, Staying, theme, type Lang, type Theme } from "@huisclos/ui-kit";
import { go, place } from "../route.ts";
import { recoveryLeft, session, signOut, stay } from "../session.ts";
import { connection } from "../words/connection.ts";
import { directoryWords } from "../words/directory.ts";
import { desk } from "../words/desk.ts";

export const langNames: Record<Lang, string> = { fr: "Français", en: "English" };
/** The part of the account page about the second factor. */
export const mySecurity = `/account#${factorPart}`;
export const themes: readonly Theme[] = ["system", "light", "dark"];

/** alone: nothing but the page itself leads anywhere, whoever is signed in. */
export function Frame({ children, wide, bare, alone }: { children: ComponentChildren; wide?: boolean; bare?: boolean; alone?: boolean }) {
  const t = desk.value;
  const s = session.value;
  return (
    <div class="desk">
      <a class="skip unseen" href="#main">{t.skip}</a>
      <header class="desk__head">
        <Logo href={alone ? undefined : "/"} />
        {s.state === "in" && !alone ? <AccountMenu name={s.me.account.name} email={s.me.account.email} id={s.me.account.id} guest={s.me.account.role === "guest"} admin={privileged(s.me.account.role)} /> : <ShowMenu />}
      </header>
      <RecoveryLeft />
      {s.state === "in" && <Staying after={s.me.idle?.session ?? 0} ask={stay} />}
      {s.state === "in" && s.me.leaving && !alone && place.value.pathname !== "/account" && <aside class="desk__note" aria-label={life.value.end.title}><LeavingNotice until={s.me.leaving} href={`/account#${endPart}`} /></aside>}
      {bare ? children : <main class={wide ? "desk__main desk__main--wide" : "desk__main"} id="main" tabIndex={-1}>{children}</main>}
      <footer class="desk__foot small"><House /><a href="/about">{t.about}</a></footer>
    </div>
  );
}

function RecoveryLeft() {
  const left = recoveryLeft.value;
  if (left === null || session.value.state !== "in") return null;
  return <aside class="desk__note" aria-label={own.value.factor.title}><RecoveryNotice left={left} href={mySecurity} onGone={() => { recoveryLeft.value = null; }} /></aside>;
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

function AccountMenu({ name, email, id, admin, guest }: { name: string; email: string; id: string; admin: boolean; guest: boolean }) {
  const t = desk.value;
  return (
    <nav class="row" aria-label={t.nav}>
      <a class="desk__link" href="/" aria-current={place.value.pathname === "/" ? "page" : undefined}>{t.rooms}</a>
      {!guest && <a class="desk__link" href="/directory" aria-current={place.value.pathname === "/directory" ? "page" : undefined}>{directoryWords.value.title}</a>}
      <Menu label={t.accountMenu(name)} opener={({ props: { ref, ...rest } }) => (
        <button {...rest} ref={ref} type="button" class="desk__me" aria-label={t.accountMenu(name)}><Avatar name={name} of={id} /><Icon name="chevron-down" size="s" /></button>
      )}>
        {(close) => (
          <>
            <div class="desk__who" role="presentation"><b>{name}</b><span class="muted small">{email}</span></div>
            {!guest && <MenuLink href="/directory" icon="users-round">{directoryWords.value.title}</MenuLink>}
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
