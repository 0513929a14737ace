// A provider for one client. Whoever comes is whom they say; nobody's address is confirmed who has "unconfirmed" in it.
// Arguments: port, the client's redirect URI, "id_token" or "userinfo": where addresses are told.
import { generateKeyPairSync } from 'node:crypto'
import { Provider } from 'oidc-provider'

const [port, redirect, told] = process.argv.slice(2)
const key = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' })
const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [{ client_id: 'tasuki', client_secret: 'a secret/with+signs', redirect_uris: [redirect] }],
  claims: { email: ['email', 'email_verified'] },
  conformIdTokenClaims: told === 'userinfo',
  cookies: { keys: ['of a test'] },
  jwks: { keys: [{ ...key, use: 'sig', alg: 'RS256', kid: `started ${Date.now()}` }] },
  findAccount: (_context, login) => ({
    accountId: login,
    claims: () => ({
      sub: login,
      // "account=address": an account whose name is not its address
      email: login.split('=').at(-1),
      email_verified: !login.includes('unconfirmed'),
    }),
  }),
})
provider.listen(Number(port), '127.0.0.1', () => console.log('listening'))
