import { MustEnrol, Spinner } from "@huisclos/ui-kit";
import { useEffect } from "preact/hooks";
import type { Account } from "../api/index.ts";
import { ask, signOut } from "../session.ts";
import { desk } from "../words/desk.ts";
import { Frame } from "./frame.tsx";

/** The rules ask for a second factor: whatever the address says, this stands in its place until it is set up. */
export function Enrol({ me }: { me: Account }) {
  return <Frame alone><div class="narrow narrow--wide"><MustEnrol me={me} onDone={ask} onSignOut={() => void signOut()} /></div></Frame>;
}

/** Whoever takes no part in meetings has nothing here. */
export function ToConsole() {
  useEffect(() => { location.replace("/console/"); }, []);
  return <Frame alone><Spinner label={desk.value.loading} /></Frame>;
}
