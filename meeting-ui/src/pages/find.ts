/** Pickers of people and groups, out of the directory. */
import { lang, type Found } from "@huisclos/ui-kit";
import { api, type Group, type Named } from "../api/index.ts";
import { asApiError } from "../session.ts";
import { rulesWords } from "../words/rules.ts";

export interface FoundPerson extends Found { person: Named }
export interface FoundGroup extends Found { group: Group }
export type FoundSomebody = FoundPerson | FoundGroup;

export const asPerson = (p: Named): FoundPerson => ({ key: p.id, name: p.name, ...(p.email ? { detail: p.email } : {}), person: p });
export const asGroup = (g: Group): FoundGroup => ({ key: g.id, name: g.name, detail: rulesWords.value.members(g.members), icon: "users-round", group: g });
export const isGroup = (f: FoundSomebody): f is FoundGroup => "group" in f;

async function look(words: string) {
  try { return await api.directory(words); } catch (cause) { throw new Error(asApiError(cause).text(lang.peek())); }
}

export async function findPeople(words: string): Promise<FoundPerson[]> { return (await look(words)).people.map(asPerson); }
export async function findAll(words: string): Promise<FoundSomebody[]> {
  const { people, groups } = await look(words);
  return [...groups.map(asGroup), ...people.map(asPerson)];
}
