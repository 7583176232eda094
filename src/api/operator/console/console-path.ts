/** Where operators' pages are. They carry no data and are served without a token; what they ask needs one. */
export const CONSOLE_PATH = "/console";

/** Whether a path is answered by the console. */
export const isConsolePath = (path: string): boolean =>
  path === CONSOLE_PATH || path.startsWith(`${CONSOLE_PATH}/`);
