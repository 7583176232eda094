import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { Provider } from "oidc-provider";

/** An account at the provider. */
export type Claims = Readonly<Record<string, unknown>>;

const CLIENT = { id: "farebox", secret: "a-secret-of-the-test-client" };

/** A real OpenID provider on this machine, where `person` is signed in already and agrees to everything. */
export class TestProvider {
  readonly clientId = CLIENT.id;
  readonly clientSecret = CLIENT.secret;
  /** Who sits at the browser; undefined: they turn the sign-in down. */
  person: Claims | undefined;
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async listen(port = 0): Promise<TestProvider> {
    const server = createServer();
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
    return new TestProvider(server);
  }

  get issuer(): string {
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new TypeError("a TCP server has a port");
    return `http://127.0.0.1:${address.port}`;
  }

  /** Knows Farebox under this redirect address, and begins to answer. */
  register(redirectUri: string): void {
    const provider = new Provider(this.issuer, {
      clients: [
        {
          client_id: CLIENT.id,
          client_secret: CLIENT.secret,
          redirect_uris: [redirectUri],
          response_types: ["code"],
          grant_types: ["authorization_code"],
        },
      ],
      claims: { openid: ["sub"], email: ["email", "email_verified"], groups: ["groups"] },
      cookies: { keys: ["a key of the test provider's cookies"] },
      features: { devInteractions: { enabled: false } },
      pkce: { required: () => true },
      findAccount: (_context, sub) => ({ accountId: sub, claims: () => ({ sub, ...this.person }) }),
      loadExistingGrant: async ({ oidc }) => {
        const grant = new oidc.provider.Grant({
          clientId: oidc.client?.clientId ?? "",
          accountId: oidc.session?.accountId ?? "",
        });
        grant.addOIDCScope("openid email groups");
        await grant.save();
        return grant;
      },
      interactions: { url: () => "/ask" },
    });
    const answer = provider.callback();
    this.#server.on("request", (request, response) => {
      if (request.url?.startsWith("/ask") !== true) {
        void answer(request, response);
        return;
      }
      const result =
        this.person === undefined
          ? { error: "access_denied", error_description: "the person said no" }
          : { login: { accountId: "person-1", remember: false } };
      void provider.interactionFinished(request, response, result);
    });
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }
}
