import { list, type Vendor } from "./vendor.ts";

/** Published price lists of those who sell data of companies and people, in the words of today; the vendors change theirs, the kinds of rule stay. */
export const DATA_VENDORS: readonly Vendor[] = [
  {
    name: "Crustdata: 2 per match of a list, misses free",
    prices: [
      {
        match: "POST /a",
        cost: 2,
        per: "result",
        count: { body: "", where: { body: "/matches", empty: false } },
        atMost: { sum: [{ body: "/domains" }, { body: "/names" }], max: 25 },
      },
    ],
    calls: [
      [
        "two domains",
        { body: { domains: ["a", "b"] }, answer: [{ matches: [{}] }, { matches: [] }] },
        "4",
        "2",
      ],
      ["domains and names", { body: { domains: ["a", "b"], names: ["c"] }, answer: list(3) }, "6", "0"],
      ["an empty list beside", { body: { domains: ["a"], names: [] }, answer: [] }, "2", "0"],
      ["nothing that is known", { body: {}, answer: [] }, "50", "0"],
      ["text for a list", { body: { domains: "a,b" }, answer: [] }, "50", "0"],
    ],
  },
  {
    name: "Explorium: 1 per entity, of size and page_size the smaller; 200 with a miss is free",
    prices: [
      {
        match: "POST /a",
        cost: 1,
        per: "result",
        count: { body: "/data" },
        atMost: { smallest: [{ body: "/size" }, { body: "/page_size", default: 100 }], max: 500 },
        where: { body: "/response_context/request_status", noneOf: ["miss"] },
      },
    ],
    calls: [
      ["size alone", { body: { size: 3 }, answer: { data: list(3) } }, "3", "3"],
      ["page_size alone", { body: { page_size: 50 }, answer: { data: list(50) } }, "50", "50"],
      ["both", { body: { size: 1000, page_size: 20 }, answer: { data: [] } }, "20", "0"],
      ["neither", { body: {}, answer: { data: list(2) } }, "100", "2"],
      [
        "a miss",
        { body: { size: 2 }, answer: { response_context: { request_status: "miss" }, data: list(2) } },
        "2",
        "0",
      ],
      ["no JSON", { body: { size: 2 } }, "2", "1"],
    ],
  },
  {
    name: "People Data Labs: charged on a match; a search per record; fields that cost more",
    prices: [
      {
        match: "POST /a",
        when: { query: "bulk", exists: true },
        cost: 1,
        per: "record",
        count: { body: "", where: { body: "/status", equals: 200 } },
        atMost: { body: "/requests", max: 100 },
      },
      {
        match: "POST /a",
        cost: 1,
        plus: [
          {
            cost: 2,
            per: "field",
            count: { request: { query: "fields", split: ",", default: 0 } },
            atMost: 6,
          },
        ],
        most: 7,
      },
    ],
    calls: [
      [
        "bulk",
        {
          query: "bulk",
          body: { requests: list(5) },
          answer: [{ status: 200 }, { status: 404 }, { status: 200 }],
        },
        "5",
        "2",
      ],
      ["a look-up", { answer: {} }, "1", "1"],
      ["two fields", { query: "fields=phone,email", answer: {} }, "5", "5"],
      ["five fields", { query: "fields=a,b,c,d,e", answer: {} }, "7", "7"],
      ["an empty list of fields", { query: "fields=", answer: {} }, "1", "1"],
      ["fields twice", { query: "fields=a&fields=b", answer: {} }, "7", "7"],
      ["not found", { query: "fields=a", status: 404 }, "3", "0"],
    ],
  },
  {
    name: "Hunter: 1 per 10 addresses found, at least 1 when it found any",
    prices: [
      {
        match: "POST /a",
        cost: 1,
        per: "10 results",
        count: { body: "/data/emails" },
        atMost: { query: "limit", default: 10, max: 100 },
        where: { body: "/data/emails", empty: false },
      },
    ],
    calls: [
      ["none", { answer: { data: { emails: [] } } }, "1", "0"],
      ["one", { query: "limit=100", answer: { data: { emails: list(1) } } }, "10", "1"],
      ["11", { query: "limit=100", answer: { data: { emails: list(11) } } }, "10", "2"],
      ["no list", { answer: { data: {} } }, "1", "0"],
    ],
  },
  {
    name: "Proxycurl: extras that are asked for, each charged if it is there",
    prices: [
      {
        match: "POST /a",
        cost: 1,
        plus: [
          { when: { query: "skills", equals: "include" }, cost: 1 },
          {
            when: { query: "personal_contact_number", equals: "include" },
            cost: 1,
            per: "number",
            count: { body: "/personal_numbers" },
            atMost: 5,
            where: { body: "/personal_numbers", empty: false },
          },
        ],
      },
    ],
    calls: [
      ["plain", { answer: { personal_numbers: ["1"] } }, "1", "1"],
      ["skills", { query: "skills=include", answer: {} }, "2", "2"],
      [
        "numbers",
        { query: "skills=include&personal_contact_number=include", answer: { personal_numbers: ["1", "2"] } },
        "7",
        "4",
      ],
      [
        "no numbers",
        { query: "personal_contact_number=include", answer: { personal_numbers: [] } },
        "6",
        "1",
      ],
    ],
  },
  {
    name: "Apollo: a credit for each enriched person, more with a phone, and no more than asked for",
    prices: [
      {
        match: "POST /a",
        cost: 1,
        per: "result",
        count: { body: "/matches", where: { body: "", empty: false } },
        atMost: { body: "/details", max: 10 },
        plus: [
          {
            when: { query: "reveal_phone_number", equals: true },
            cost: 8,
            per: "result",
            count: { body: "/matches", where: { body: "/phone_numbers", empty: false } },
            atMost: { body: "/details", max: 10 },
          },
        ],
      },
    ],
    calls: [
      [
        "two people, one found",
        { body: { details: list(2) }, answer: { matches: [null, { id: 1 }] } },
        "2",
        "1",
      ],
      [
        "with phones",
        {
          query: "reveal_phone_number=true",
          body: { details: list(2) },
          answer: { matches: [{ phone_numbers: ["1"] }, { phone_numbers: [] }] },
        },
        "18",
        "10",
      ],
    ],
  },
];
