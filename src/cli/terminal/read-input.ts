/** All of standard input, without white space around it. */
export async function readInput(): Promise<string> {
  let input = "";
  for await (const part of process.stdin.setEncoding("utf8")) input += String(part);
  return input.trim();
}
