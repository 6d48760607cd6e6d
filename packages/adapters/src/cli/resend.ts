/**
 * `holdfast resend`: dead letters, once more to the consumer that could not handle them.
 */
import { resendDeadLetters } from "../kafka/deadLetters.ts"
import { kafkajs } from "../kafka/kafkajs.ts"
import { platformatic } from "../kafka/platformatic.ts"
import type { Options } from "./arguments.ts"
import { isInstalled } from "./connect.ts"

export const resend = async ({ kafka: brokers = [], deadLetter = "", reason }: Options): Promise<boolean> => {
  const client = isInstalled("kafkajs") ? kafkajs : isInstalled("@platformatic/kafka") ? platformatic : undefined
  if (client === undefined) throw new Error("Install a client beside it: npm install kafkajs.")
  const kafka = client({ brokers })
  try {
    const sent = await resendDeadLetters({ kafka, deadLetter, reason })
    console.log(sent === 1 ? "1 dead letter was sent again." : `${sent} dead letters were sent again.`)
    return true
  } finally {
    await kafka.close()
  }
}
