import type * as OpenIdClient from "openid-client";
import type { Configuration, IDToken, UserInfoResponse } from "openid-client";
import type { OidcConfig } from "../../config/config.ts";
import type { Operator } from "../../domain/operator-role.ts";
import { findPerson, type Unknown } from "./find-person.ts";

/** The provider answers within this, or the sign-in fails. */
const TIMEOUT_SECONDS = 10;

/** What a browser keeps while it is at the provider: without it an answer of the provider's is nobody's. */
export interface Attempt {
  readonly state: string;
  readonly nonce: string;
  readonly verifier: string;
}

type Client = typeof OpenIdClient;

/** An OpenID Connect provider: the authorization code flow with PKCE (OpenID Connect Core 1.0 §3.1, RFC 7636). */
export class OidcProvider {
  readonly #config: OidcConfig;
  #found: Promise<Configuration> | undefined;

  constructor(config: OidcConfig) {
    this.#config = config;
  }

  /** Where the browser goes, and what it keeps meanwhile. Rejects when the provider cannot be asked. */
  async begin(redirect: string): Promise<{ readonly address: string; readonly attempt: Attempt }> {
    const client = await load();
    const provider = await this.#find(client);
    const attempt: Attempt = {
      state: client.randomState(),
      nonce: client.randomNonce(),
      verifier: client.randomPKCECodeVerifier(),
    };
    const address = client.buildAuthorizationUrl(provider, {
      redirect_uri: redirect,
      scope: this.#config.scopes.join(" "),
      state: attempt.state,
      nonce: attempt.nonce,
      code_challenge: await client.calculatePKCECodeChallenge(attempt.verifier),
      code_challenge_method: "S256",
    });
    return { address: address.href, attempt };
  }

  /** Who came back: `answered` is the redirect address with the provider's answer in its query. */
  async finish(answered: URL, { state, nonce, verifier }: Attempt): Promise<Operator | Unknown> {
    const client = await load();
    try {
      const provider = await this.#find(client);
      const tokens = await client.authorizationCodeGrant(provider, answered, {
        expectedState: state,
        expectedNonce: nonce,
        pkceCodeVerifier: verifier,
        idTokenExpected: true,
      });
      const told = tokens.claims();
      if (told === undefined) return { code: "sign_in_refused", reason: "there is no ID token" };
      const more = await this.#askMore(client, provider, told, tokens.access_token);
      return findPerson(this.#config, { ...more, ...told });
    } catch (error) {
      return describe(client, error);
    }
  }

  /** Some providers tell in the ID token who it is, and the rest where it is asked for. */
  async #askMore(
    client: Client,
    provider: Configuration,
    told: IDToken,
    accessToken: string,
  ): Promise<UserInfoResponse | undefined> {
    const { person, roles } = this.#config;
    const wanted = [person, ...roles.map(({ claim }) => claim)];
    if (wanted.every((claim) => told[claim] !== undefined)) return undefined;
    if (provider.serverMetadata().userinfo_endpoint === undefined) return undefined;
    return client.fetchUserInfo(provider, accessToken, told.sub);
  }

  /** Asked at the first sign-in, not at the start: Farebox must start while the provider is away. */
  async #find(client: Client): Promise<Configuration> {
    const { issuer, clientId, clientSecret } = this.#config;
    const url = new URL(issuer);
    this.#found ??= client.discovery(url, clientId, clientSecret, undefined, {
      timeout: TIMEOUT_SECONDS,
      // The configuration takes such an address on this machine only.
      execute: url.protocol === "http:" ? [client.allowInsecureRequests] : [],
    });
    try {
      return await this.#found;
    } catch (error) {
      this.#found = undefined;
      throw error;
    }
  }
}

/** Only those who use it pay its memory. */
function load(): Promise<Client> {
  return import("openid-client");
}

/** What the provider said no to, or what was not its answer, is refused; the rest is that it could not be asked. */
function describe(client: Client, error: unknown): Unknown {
  const reason = error instanceof Error ? error.message : String(error);
  const isAnswer =
    error instanceof client.AuthorizationResponseError ||
    error instanceof client.ResponseBodyError ||
    error instanceof client.WWWAuthenticateChallengeError ||
    (error instanceof client.ClientError && error.code !== "OAUTH_TIMEOUT");
  return { code: isAnswer ? "sign_in_refused" : "provider_unreachable", reason };
}
