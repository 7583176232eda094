/** The parts that are called here of packages without types of their own. */

declare module "hunter.io" {
  type Done = (error: object | null, answer: { readonly data: Readonly<Record<string, unknown>> }) => void;

  export default class Hunter {
    constructor(key: string);
    domainSearch(options: object, done: Done): void;
    emailFinder(options: object, done: Done): void;
    emailVerifier(email: string, done: Done): void;
    account(done: Done): void;
  }
}

declare module "proxycurl-js-linkedin-profile-scraper" {
  type Data = Readonly<Record<string, unknown>>;

  export interface Received {
    readonly status: number;
    readonly headers: Readonly<Record<string, string>>;
    readonly body: Data;
  }

  export type Done = (
    error: (Error & { readonly response: Received }) | null,
    data: Data,
    response: Received,
  ) => void;

  const proxycurl: {
    readonly ApiClient: new (
      basePath: string,
    ) => { authentications: { BearerAuth: { accessToken?: string } } };
    readonly ContactAPIApi: new (
      client: object,
    ) => { reverseWorkEmailLookupEndpoint(workEmail: string, done: Done): void };
    readonly MetaAPIApi: new (client: object) => { viewCreditBalanceEndpoint(done: Done): void };
  };
  export default proxycurl;
}
