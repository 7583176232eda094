import { type MetricSnapshot, type Metrics, sumMetrics } from "../../telemetry/metrics.ts";
import type { WorkerProcess } from "./worker-process.ts";

/** The metrics of this process and its workers as those of one. Counts of workers that ended stay in it: a counter never falls. */
export class SummedMetrics implements Pick<Metrics, "contentType" | "render"> {
  readonly #own: Metrics;
  readonly #workers: () => Iterable<WorkerProcess>;
  #rendering: Promise<string> = Promise.resolve("");
  readonly #ended: (readonly MetricSnapshot[])[] = [];

  constructor(own: Metrics, workers: () => Iterable<WorkerProcess>) {
    this.#own = own;
    this.#workers = workers;
  }

  get contentType(): string {
    return this.#own.contentType;
  }

  /** One at a time. */
  render(): Promise<string> {
    const rendering = this.#rendering.then(() => this.#render());
    this.#rendering = rendering.catch(() => "");
    return rendering;
  }

  async #render(): Promise<string> {
    await Promise.all([...this.#workers()].map((worker) => worker.measure()));
    const own = await this.#own.snapshot();
    // Read at one moment: one that ends meanwhile is in one of the two lists, and never in both.
    const all = [own, ...this.#ended, ...[...this.#workers()].map(({ metrics }) => metrics)];
    await this.#addUp();
    return sumMetrics(all).metrics();
  }

  /** What a worker that has ended counted, as far as it was told: what it counted after it was last asked is lost with it. */
  keep(metrics: readonly MetricSnapshot[]): void {
    // A gauge says what is now, and of this one nothing is.
    this.#ended.push(metrics.filter(({ type }) => ["counter", "histogram"].includes(String(type))));
  }

  /** However many have ended, what is kept of them is the size of one. */
  async #addUp(): Promise<void> {
    const count = this.#ended.length;
    if (count < 2) return;
    const sum = await sumMetrics(this.#ended).getMetricsAsJSON();
    this.#ended.splice(0, count, sum);
  }
}
