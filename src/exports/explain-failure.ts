/** What customers are told of a failure, by its code: the failure's own message may name addresses that are nobody's business. */
const EXPLAINED: Readonly<Record<string, string>> = {
  export_too_large: "it found more records than it may have",
  export_record_too_large: "a record is too large",
  export_source_refused: "its request was refused where its records come from",
  export_source_invalid: "what came instead of its records could not be read",
  export_source_loops: "its records would never have ended",
  export_source_unavailable: "its records cannot be had at the moment",
  export_timed_out: "it took too long",
  export_storage_full: "there is no room for its files",
  export_storage_failed: "its files cannot be kept at the moment",
};

export function explainFailure(code: string): string {
  return EXPLAINED[code] ?? "of a reason of ours";
}
