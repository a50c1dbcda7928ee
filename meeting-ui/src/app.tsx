import { useEffect, useRef } from "preact/hooks";
import { own, providerWords, SecurityContext, Spinner, Toasts, TooltipHost } from "@huisclos/ui-kit";
import { parseRoomLink } from "./api/index.ts";
import { About } from "./pages/about.tsx";
import { Account } from "./pages/account.tsx";
import { Activate } from "./pages/activate.tsx";
import { Connection } from "./pages/connection.tsx";
import { Directory } from "./pages/directory.tsx";
import { Enrol, ToConsole } from "./pages/enrol.tsx";
import { Failed, Guard, Sentence } from "./pages/errors.tsx";
import { Frame } from "./pages/frame.tsx";
import { Invitation } from "./pages/invitation.tsx";
import { Plan } from "./pages/plan.tsx";
import { Callback, Prove, SignedOut } from "./pages/provider.tsx";
import { RoomSettings } from "./pages/room-settings.tsx";
import { Rooms } from "./pages/rooms.tsx";
import { SignIn } from "./pages/sign-in.tsx";
import { BadLink, RoomPage } from "./room/room.tsx";
import { focusMain, place } from "./route.ts";
import { ask, security, session } from "./session.ts";
import { connection } from "./words/connection.ts";
import { desk } from "./words/desk.ts";
import { guestWords } from "./words/guests.ts";
import { directoryWords } from "./words/directory.ts";
import { planWords } from "./words/plan.ts";
import { rulesWords } from "./words/rules.ts";

export function App() {
  useEffect(() => { void ask(); }, []);
  return (
    <>
      <Guard><SecurityContext.Provider value={security}><Page /></SecurityContext.Provider></Guard>
      <Toasts />
      <TooltipHost />
    </>
  );
}

/** The title of the page and, after a change of page, the focus. A room's page has its own. */
function useTitle(url: URL, state: string, must: boolean): void {
  const t = desk.value;
  const first = useRef(true);
  const inRoom = url.pathname.endsWith("/settings") ? rulesWords.value.title : url.pathname.endsWith("/meetings") ? planWords.value.title : undefined;
  const title = must && url.pathname !== "/about" ? own.value.must.title : { "/": state === "out" ? t.signIn.act : t.list.title, "/account": t.me.title, "/test": connection.value.title, "/about": t.about, "/activate": t.activateTitle, "/i": guestWords.value.title, "/directory": directoryWords.value.title, "/oidc/callback": own.value.signIn.act, "/oidc/prove": own.value.proof.title, "/oidc/signed-out": providerWords.value.signedOut }[url.pathname] ?? inRoom;
  useEffect(() => { if (title) document.title = `${title} — Huis Clos`; }, [title]);
  useEffect(() => {
    if (!first.current) focusMain();
    first.current = false;
  }, [url.pathname]);
}

function Page() {
  const url = place.value;
  const s = session.value;
  useTitle(url, s.state, s.state === "in" && s.me.must !== undefined);
  if (url.pathname === "/about") return <About />;
  if (url.pathname === "/activate") return <Activate token={url.hash.slice(1)} />;
  if (url.pathname === "/i") return <Invitation token={url.hash.slice(1)} />;
  if (s.state === "asking") return <Frame><Spinner label={desk.value.loading} /></Frame>;
  if (url.pathname === "/oidc/signed-out") return <SignedOut />;
  if (s.state === "failed") return <Frame><Failed error={s.error} onRetry={() => void ask()} /></Frame>;
  if (url.pathname === "/oidc/callback") return <Callback />;
  if (url.pathname === "/oidc/prove" && s.state === "in") return <Prove />;
  const settings = /^\/r\/([A-Za-z0-9_-]{22})\/settings$/.exec(url.pathname)?.[1];
  const plan = /^\/r\/([A-Za-z0-9_-]{22})\/meetings$/.exec(url.pathname)?.[1];
  const room = url.pathname.startsWith("/r/") && !settings && !plan;
  if (s.state === "in" && s.me.must) return <Enrol me={s.me.account} />;
  if (s.state === "in" && s.me.account.role === "auditor") return <ToConsole />;
  if (s.state === "out") return <SignIn setupNeeded={s.setupNeeded} toRoom={room} />;
  if (room) {
    const link = parseRoomLink(url);
    return link ? <RoomPage key={link.room} room={link.room} owner={link.owner} me={s.me.account} /> : <BadLink />;
  }
  if (settings) return <RoomSettings key={settings} room={settings} />;
  if (plan) return <Plan key={plan} room={plan} />;
  if (url.pathname === "/") return <Rooms me={s.me.account} />;
  if (url.pathname === "/account") return <Account key={s.me.account.id} me={s.me.account} />;
  if (url.pathname === "/directory") return <Directory />;
  if (url.pathname === "/test") return <Connection />;
  const t = desk.value.notFound;
  return <Frame><Sentence title={t.title} text={t.text} /></Frame>;
}
