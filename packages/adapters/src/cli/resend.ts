/**
 * `holdfast resend`: dead letters, once more to the consumer that could not handle them.
 */
import { kafkajs } from "../kafka/kafkajs.ts"
import { platformatic } from "../kafka/platformatic.ts"
import { resendDeadLetters } from "../kafka/resendDeadLetters.ts"
import type { Options } from "./arguments.ts"
import { isInstalled } from "./connect.ts"

export const resend = async ({ kafka: brokers = [], deadLetter = "", reason }: Options): Promise<boolean> => {
  const client = isInstalled("kafkajs") ? kafkajs : isInstalled("@platformatic/kafka") ? platformatic : undefined
  if (client === undefined) throw new Error("Install a client beside it: npm install kafkajs.")
  const kafka = client({ brokers })
  try {
    let left = 0
    const onLeft = (why: Error) => {
      left += 1
      console.error(why.message)
    }
    const sent = await resendDeadLetters({ kafka, deadLetter, reason, onLeft })
    console.log(sent === 1 ? "1 dead letter was sent again." : `${sent} dead letters were sent again.`)
    if (left > 0) console.error(`${left} could not be sent, and ${left === 1 ? "stays" : "stay"} in ${deadLetter}.`)
    return left === 0
  } finally {
    await kafka.close()
  }
}
