/** How often a recurring grant comes. */
export type Every = "day" | "week" | "month" | "year";
