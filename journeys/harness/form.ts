/**
 * The short form, as continuous integration plays it (HUISCLOS_SHORT=1): every journey but the few that run.mjs names, and of those that are played in two views (desktop
 * and phone, French and English, Chromium and Firefox) one; which one is chosen so that both of each are met by about half of the journeys.
 * `make journeys` and `make test` play all of them.
 */
import { test } from 'node:test';

export const short = process.env.HUISCLOS_SHORT === '1';

/** A test that the short form leaves out, since another shows the same in another view. */
export const also = (short ? test.skip : test) as typeof test;
