// An OpenID provider (npm oidc-provider) on loopback, with accounts and clients of the test:
//   node server.mjs FOLDER_WITH_NODE_MODULES < configuration.json
// It writes its issuer as the first line. POST /test/mischief says what it does wrong from then on; an honest provider
// does none of that, so the token is changed after the provider has made it.
import { createHmac, createPublicKey, createSign, generateKeyPairSync, sign } from 'node:crypto';
import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import { pathToFileURL } from 'node:url';

const { Provider } = await import(pathToFileURL(`${process.argv[2]}/node_modules/oidc-provider/lib/index.js`));
const { accounts, clients, claims, conform } = JSON.parse(await text(process.stdin));

const pair = (kid) => {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return { kid, privateKey, publicKey, jwk: { ...privateKey.export({ format: 'jwk' }), kid, use: 'sig', alg: 'RS256' } };
};
const first = pair('first');
const second = pair('second');
const stranger = pair('first');
const elliptic = generateKeyPairSync('ec', { namedCurve: 'P-256' });

let mischief = null;
const asked = [];
const encode = (value) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
const decode = (part) => JSON.parse(Buffer.from(part, 'base64url'));
const signed = (header, payload, key) => {
  const start = `${encode(header)}.${encode(payload)}`;
  return `${start}.${createSign('sha256').update(start).sign(key).toString('base64url')}`;
};
const publicJwk = ({ publicKey, kid }) => ({ ...publicKey.export({ format: 'jwk' }), kid, use: 'sig', alg: 'RS256' });

const forged = (token) => {
  const [head, body, signature] = token.split('.');
  const header = decode(head);
  const payload = decode(body);
  const past = Math.floor(Date.now() / 1000) - 3600;
  const again = (change) => signed(header, { ...payload, ...change }, first.privateKey);
  const without = (name) => { const { [name]: _, ...rest } = payload; return signed(header, rest, first.privateKey); };
  switch (mischief) {
    case 'wrong_nonce': return again({ nonce: 'another' });
    case 'no_nonce': return without('nonce');
    case 'wrong_audience': return again({ aud: 'another' });
    case 'two_audiences': return again({ aud: [payload.aud, 'another'] });
    case 'two_audiences_ours': return again({ aud: [payload.aud, 'another'], azp: payload.aud });
    case 'wrong_party': return again({ azp: 'another' });
    case 'wrong_issuer': return again({ iss: 'https://evil.example' });
    case 'expired': return again({ exp: past, iat: past - 300 });
    case 'no_expiry': return without('exp');
    case 'expiry_no_number': return again({ exp: '9999999999' });
    case 'not_yet': return again({ nbf: Math.floor(Date.now() / 1000) + 3600 });
    case 'no_subject': return without('sub');
    case 'long_subject': return again({ sub: 'x'.repeat(256) });
    case 'wrong_access_token': return again({ at_hash: 'AAAAAAAAAAAAAAAAAAAAAA' });
    case 'none': return `${encode({ alg: 'none' })}.${body}.`;
    case 'none_cased': return `${encode({ alg: 'nOnE' })}.${body}.${signature}`;
    case 'hs256_public_key': {
      const start = `${encode({ alg: 'HS256', kid: header.kid })}.${body}`;
      const secret = createPublicKey(first.privateKey).export({ type: 'spki', format: 'pem' });
      return `${start}.${createHmac('sha256', secret).update(start).digest('base64url')}`;
    }
    case 'es256': {
      const start = `${encode({ alg: 'ES256', kid: 'elliptic' })}.${body}`;
      const made = sign('sha256', Buffer.from(start), { key: elliptic.privateKey, dsaEncoding: 'ieee-p1363' });
      return `${start}.${made.toString('base64url')}`;
    }
    case 'key_in_header': return signed({ ...header, jwk: publicJwk(stranger) }, payload, stranger.privateKey);
    case 'other_key': return signed(header, payload, stranger.privateKey);
    case 'unknown_key': return signed({ ...header, kid: 'nobody' }, payload, stranger.privateKey);
    case 'new_key': return signed({ ...header, kid: 'second' }, payload, second.privateKey);
    case 'no_key_name': { const { kid, ...rest } = header; return signed(rest, payload, first.privateKey); }
    case 'not_a_token': return 'eyJ.e30';
    default: return token;
  }
};

const server = createServer();
await new Promise((done) => server.listen(0, '127.0.0.1', done));
const issuer = `http://127.0.0.1:${server.address().port}`;
const provider = new Provider(issuer, {
  clients,
  claims,
  conformIdTokenClaims: conform,
  jwks: { keys: [first.jwk] },
  cookies: { keys: ['a key of the tests'] },
  pkce: { required: () => true },
  findAccount: (ctx, id) => ({ accountId: id, claims: () => ({ sub: id, ...accounts[id] }) }),
});
provider.use(async (ctx, next) => {
  await next();
  const route = ctx.oidc?.route;
  if (route) asked.push(route);
  if (route === 'token' && ctx.body?.id_token) ctx.body.id_token = forged(ctx.body.id_token);
  if (route === 'userinfo' && mischief === 'other_userinfo') ctx.body = { ...ctx.body, sub: 'somebody' };
  if (route === 'jwks' && mischief === 'new_key') ctx.body = { keys: [publicJwk(second)] };
  if (route === 'jwks' && mischief === 'no_key_name') ctx.body = { keys: [publicJwk(second), publicJwk(first)] };
  if (route === 'jwks' && mischief === 'shared_key') {
    ctx.body = { keys: [{ kty: 'oct', k: 'c2VjcmV0', kid: 'first' }, { kty: 'AKP', kid: 'first' }, 7] };
  }
});
const answer = provider.callback();
server.on('request', async (request, response) => {
  if (request.url === '/test/mischief') {
    mischief = (await text(request)) || null;
    response.end(JSON.stringify(asked.splice(0)));
  } else if (request.url === '/favicon.ico') {
    response.writeHead(204).end();
  } else if (mischief === 'endless' && request.url === '/token') {
    response.writeHead(200, { 'content-type': 'application/json' });
    const more = () => { while (!response.destroyed && response.write('x'.repeat(65536))); };
    response.on('drain', more);
    more();
  } else if (mischief === 'dripping' && request.url === '/token') {
    response.writeHead(200, { 'content-type': 'application/json' });
    const drip = setInterval(() => response.write(' '), 50);
    response.on('close', () => clearInterval(drip));
  } else if (mischief === 'redirect' && request.url === '/token') {
    response.writeHead(307, { location: `${issuer}/elsewhere` }).end();
  } else if (mischief === 'no_json' && request.url === '/token') {
    response.writeHead(200, { 'content-type': 'text/html' }).end('<html>');
  } else if (mischief === 'packed' && request.url === '/token') {
    response.writeHead(200, { 'content-encoding': 'gzip' }).end('x');
  } else {
    answer(request, response);
  }
});
console.log(issuer);
process.on('SIGTERM', () => process.exit(0));
