/**
 * Names in commands that a reader is told to type.
 */

/** As it is typed. Nearly anything but a letter or a digit may mean something to a shell. */
const inShell = (text: string): string => (/^[\w.-]+$/.test(text) ? text : `'${text.replaceAll("'", () => "'\\''")}'`)

/** An option with its value. A value that begins like an option is told from one by the sign between them. */
export const optionInShell = (option: string, value: string): string =>
  `${option}${value.startsWith("-") ? "=" : " "}${inShell(value)}`
