// A real OpenID Connect provider (oidc-provider, certified by the OpenID Foundation) as a process of its own: node provider.mjs FILE, whose JSON names
// issuer, port, certificate and key (PEM files), the client's metadata and the people. Its pages are as plain as can be. Beside what the library has, one page
// signs out by OpenID Connect Front-Channel Logout 1.0, which it no longer has.
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { exportJWK, generateKeyPair } from 'jose';
import Provider from 'oidc-provider';

const o = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const { privateKey } = await generateKeyPair('RS256', { extractable: true });
const people = new Map(o.people.map((p) => [p.login, p]));

const provider = new Provider(o.issuer, {
  clients: [o.client],
  jwks: { keys: [{ ...await exportJWK(privateKey), use: 'sig', alg: 'RS256', kid: 'journey' }] },
  cookies: { keys: [randomBytes(32).toString('base64')] },
  claims: { openid: ['sub', 'sid', 'acr', 'amr', 'auth_time'], email: ['email', 'email_verified'], profile: ['name', 'given_name', 'family_name'], groups: ['groups'] },
  conformIdTokenClaims: false,
  features: { devInteractions: { enabled: false }, backchannelLogout: { enabled: true }, rpInitiatedLogout: { enabled: true, logoutSource, postLogoutSuccessSource: (ctx) => { ctx.body = page('Signed out', '<p>Signed out.</p>'); } } },
  findAccount: (_, id) => {
    const p = people.get(id);
    return p && { accountId: id, claims: () => ({ sub: id, email: p.email, email_verified: true, name: p.name, groups: p.groups ?? [] }) };
  },
  // Whoever signs in here has agreed.
  loadExistingGrant: async (ctx) => {
    const grant = new ctx.oidc.provider.Grant({ clientId: ctx.oidc.client.clientId, accountId: ctx.oidc.session.accountId });
    grant.addOIDCScope('openid email profile groups');
    await grant.save();
    return grant;
  },
  // The library goes to no address of its own machine; here there is no other.
  fetch: (url, { dispatcher: _, ...options }) => globalThis.fetch(url, options),
  interactions: { url: (_, i) => `/interaction/${i.uid}` },
  renderError: (ctx, out) => { ctx.body = page('Refused', `<p>${text(out.error)}: ${text(out.error_description ?? '')}</p>`); },
  ttl: { AccessToken: 300, AuthorizationCode: 60, IdToken: 300, Interaction: 600, Session: 3600, Grant: 3600 },
});
provider.proxy = false;
provider.on('backchannel.error', (_, e) => { console.error('back channel:', e.message); });
provider.on('backchannel.success', () => { console.log('back channel: done'); });

function text(s) { return String(s).replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`); }
function page(title, body) { return `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${title}</title><main><h1>${title}</h1>${body}</main></html>`; }
function logoutSource(ctx, form) { ctx.body = page('Sign out here?', `${form}<button id="yes" form="op.logoutForm" name="logout" value="yes">Yes, sign me out</button>`); }

const body = (req) => new Promise((done) => { let all = ''; req.on('data', (b) => { all += b; }).on('end', () => done(new URLSearchParams(all))); });
const html = (res, status, s) => { res.writeHead(status, { 'Content-Type': 'text/html; charset=utf-8', 'Cache-Control': 'no-store' }).end(s); };
const form = (uid, said) => page('Sign in at the provider', `${said}<form method="post" action="/interaction/${uid}"><p><label>Login <input name="login" autofocus></label></p><p><label>Password <input name="password" type="password"></label></p><button id="in">Sign in</button></form><form method="post" action="/interaction/${uid}/abort"><button id="not">Cancel</button></form>`);

async function interaction(req, res, uid, abort) {
  const details = await provider.interactionDetails(req, res);
  if (abort) { await provider.interactionFinished(req, res, { error: 'access_denied', error_description: 'the person cancelled' }, { mergeWithLastSubmission: false }); return; }
  if (req.method !== 'POST') { html(res, 200, form(uid, details.prompt.name === 'login' ? '' : `<p>${text(details.prompt.name)}</p>`)); return; }
  const given = await body(req), p = people.get(given.get('login'));
  if (!p || p.password !== given.get('password')) { html(res, 200, form(uid, '<p role="alert">Wrong.</p>')); return; }
  await provider.interactionFinished(req, res, { login: { accountId: p.login, amr: p.amr ?? ['pwd'] } }, { mergeWithLastSubmission: false });
}

// OpenID Connect Front-Channel Logout 1.0 §3: the page that signs out loads what the client registered, in frames, with iss and sid.
async function frontChannel(req, res) {
  const ctx = provider.createContext(req, res), session = await provider.Session.get(ctx), sid = session.sidFor(o.client.client_id);
  const at = new URL(o.frontChannel);
  at.searchParams.set('iss', o.issuer);
  at.searchParams.set('sid', sid ?? '');
  html(res, 200, page('Signed out everywhere', `<iframe title="the client" src="${text(at)}" width="300" height="80"></iframe>`));
}

const callback = provider.callback();
createServer({ cert: readFileSync(o.certificate), key: readFileSync(o.key) }, (req, res) => {
  const { pathname } = new URL(req.url, o.issuer), at = /^\/interaction\/([\w-]+)(\/abort)?$/.exec(pathname);
  const done = at ? interaction(req, res, at[1], at[2] !== undefined) : pathname === '/front-channel' ? frontChannel(req, res) : Promise.resolve(callback(req, res));
  done.catch((e) => { console.error(e); if (!res.headersSent) html(res, 500, page('Failed', text(e.message))); });
}).listen(o.port, o.at ?? '127.0.0.1', () => { console.log('ready'); });
