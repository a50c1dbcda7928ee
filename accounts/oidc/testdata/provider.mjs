// A real OpenID Connect provider (oidc-provider) for the Go tests: node provider.mjs CERTIFICATE KEY CLIENT. It prints its issuer, and ends with
// its standard input. Nobody types anything: login_hint says who signs in, by a name of people, and "nobody" breaks off. Beside what the
// library has, /test/rotate puts another key into the place of the one that it signs with.
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { exportJWK, generateKeyPair } from 'jose';
import Provider from 'oidc-provider';

const [certificate, key, client] = process.argv.slice(2);
const people = {
  zoe: { email: 'zoe@example.org', email_verified: true, name: 'Zoé Durand', groups: ['visio', 'staff'], given_name: 'Zoé', usual_name: 'Durand', uid: 'u-17', siret: '13002526500013' },
  yves: { email: 'yves@example.org', email_verified: false, name: 'Yves', groups: [] },
};

async function signing(alg, kid) {
  const { privateKey } = await generateKeyPair(alg, { extractable: true });
  return { ...await exportJWK(privateKey), use: 'sig', alg, kid };
}

let provider;
async function make(issuer, round) {
  provider = new Provider(issuer, {
    clients: [JSON.parse(client)],
    jwks: { keys: [await signing('RS256', `rsa-${round}`), await signing('ES256', `ec-${round}`)] },
    cookies: { keys: [randomBytes(32).toString('base64')] },
    claims: { openid: ['sub', 'sid', 'acr', 'amr', 'auth_time'], email: ['email', 'email_verified'], profile: ['name'], groups: ['groups'],
      given_name: ['given_name'], usual_name: ['usual_name'], uid: ['uid'], siret: ['siret'], idp_id: ['idp_id'] },
    acrValues: ['mfa', 'eidas1', 'eidas1-mfa'],
    features: { devInteractions: { enabled: false }, backchannelLogout: { enabled: true }, claimsParameter: { enabled: true }, jwtUserinfo: { enabled: true }, rpInitiatedLogout: { enabled: true } },
    pkce: { required: () => true },
    // The library goes to no loopback address; here there is no other.
    fetch: (url, { dispatcher: _, ...options }) => globalThis.fetch(url, options),
    findAccount: (_, id) => people[id] && { accountId: id, claims: () => ({ sub: id, ...people[id] }) },
    loadExistingGrant: async (ctx) => {
      const grant = new ctx.oidc.provider.Grant({ clientId: ctx.oidc.client.clientId, accountId: ctx.oidc.session.accountId });
      grant.addOIDCScope('openid email profile groups given_name usual_name uid siret idp_id');
      grant.addOIDCClaims(['acr', 'amr', 'auth_time', 'groups', 'email', 'email_verified', 'name']);
      await grant.save();
      return grant;
    },
    interactions: { url: (_, i) => `/interaction/${i.uid}` },
    renderError: (ctx, out) => { ctx.body = `refused: ${out.error} ${out.error_description}`; },
    ttl: { AccessToken: 300, AuthorizationCode: 60, IdToken: 300, Interaction: 600, Session: 3600, Grant: 3600 },
  });
  provider.on('backchannel.error', (_, e) => console.error('backchannel', e));
}

async function interaction(req, res) {
  const { params } = await provider.interactionDetails(req, res), who = params.login_hint;
  const asked = JSON.parse(params.claims ?? '{}').id_token?.acr?.values?.[0] ?? params.acr_values;
  await provider.interactionFinished(req, res, people[who]
    ? { login: { accountId: who, amr: who === 'zoe' ? ['pwd', 'otp'] : ['pwd'], ...(asked ? { acr: asked } : {}) } }
    : { error: 'access_denied', error_description: 'nobody' }, { mergeWithLastSubmission: false });
}

let round = 0;
const server = createServer({ cert: readFileSync(certificate), key: readFileSync(key) }, (req, res) => {
  const failed = (e) => { console.error(e); res.writeHead(500).end(e.message); };
  if (req.url.startsWith('/interaction/')) interaction(req, res).catch(failed);
  else if (req.url === '/test/rotate') make(provider.issuer, ++round).then(() => res.end('rotated'), failed);
  else provider.callback()(req, res).catch(failed);
});
server.listen(0, '127.0.0.1', async () => {
  await make(`https://127.0.0.1:${server.address().port}`, round);
  console.log(provider.issuer);
});
process.stdin.on('end', () => process.exit(0)).resume();
