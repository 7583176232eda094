import { type Browser, chromium, type Page } from "playwright-core";

/** Where Debian's package puts it. `CHROMIUM` names another one. */
// oxlint-disable-next-line node/no-process-env -- which browser is there is the machine's, and this is no product code
const EXECUTABLE = process.env["CHROMIUM"] ?? "/usr/bin/chromium";

/** A phone of middle age on slow 4G: a processor of a quarter of the speed, 1.6 Mbps down, 750 kbps up, 150 ms there and back. */
const SLOWER = 4;
const SLOW_4G = { latency: 150, downloadThroughput: 1_600_000 / 8, uploadThroughput: 750_000 / 8 };

/** Of one opening of a page, in ms since it was asked for. */
export interface Opening {
  readonly firstPaint: number;
  /** When the frame with the first figures was painted. */
  readonly withData: number;
  /** From when on nothing kept the page for 50 ms or more, its figures painted. */
  readonly interactive: number;
  /** Bytes of script as they were sent. */
  readonly scriptBytes: number;
  readonly calls: number;
}

export async function openBrowser(): Promise<Browser> {
  return await chromium.launch({ executablePath: EXECUTABLE, args: ["--no-sandbox", "--disable-gpu"] });
}

/** Opens a page that is signed in as on that phone, with nothing kept from before, until `figure` is painted. */
export async function openSlowly(page: Page, url: string, figure: string): Promise<Opening> {
  const session = await page.context().newCDPSession(page);
  const scripts = new Map<string, number>();
  const calls: string[] = [];
  session.on("Network.responseReceived", ({ requestId, response }) => {
    if (response.url.endsWith(".js")) scripts.set(requestId, 0);
    if (/\/(api\/|session$)/.test(new URL(response.url).pathname)) calls.push(response.url);
  });
  session.on("Network.loadingFinished", ({ requestId, encodedDataLength }) => {
    if (scripts.has(requestId)) scripts.set(requestId, encodedDataLength);
  });
  await session.send("Network.enable");
  await session.send("Network.setCacheDisabled", { cacheDisabled: true });
  await session.send("Network.emulateNetworkConditions", { offline: false, ...SLOW_4G });
  await session.send("Emulation.setCPUThrottlingRate", { rate: SLOWER });
  await page.goto(url, { waitUntil: "commit" });
  const times = await page.evaluate<Pick<Opening, "firstPaint" | "withData" | "interactive">>(
    measureIn(figure),
  );
  await session.send("Emulation.setCPUThrottlingRate", { rate: 1 });
  await session.detach();
  return {
    ...times,
    scriptBytes: [...scripts.values()].reduce((sum, size) => sum + size, 0),
    calls: calls.length,
  };
}

/** Runs in the page: resolves when it has its figures and was quiet for a second. */
const measureIn = (figure: string): string => `new Promise((resolve) => {
  let busyUntil = 0;
  new PerformanceObserver((list) => {
    for (const { startTime, duration } of list.getEntries()) busyUntil = Math.max(busyUntil, startTime + duration);
  }).observe({ type: "longtask", buffered: true });
  const look = () => {
    if (document.querySelector(${JSON.stringify(figure)}) === null) return requestAnimationFrame(look);
    requestAnimationFrame(() => setTimeout(() => {
      const withData = performance.now();
      setTimeout(() => resolve({
        firstPaint: performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? withData,
        withData,
        interactive: Math.max(withData, busyUntil),
      }), 1000);
    }));
  };
  look();
})`;
