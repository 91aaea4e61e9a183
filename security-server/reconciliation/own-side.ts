// What this server says in a run: its list, and its leaves. Made of the work file, once for each server that it is compared with.
import {
  commitmentOf,
  exchangeValue,
  isFromOther,
  leafPages,
  MATCHED,
  type OpenLeaf,
  type ShownSignature,
  type Turn,
  ValueCollector,
  type ValueList,
} from '#evidence'
import type { MessageLog } from '../message-log/index.ts'
import type { TreeView } from '../transparency/index.ts'
import { ReconciliationError } from './error.ts'
import type { OwnMessage, WorkFile } from './work-file.ts'

export class OwnSide {
  readonly view: TreeView
  readonly messages: WorkFile
  readonly #messageLog: MessageLog

  constructor(view: TreeView, messages: WorkFile, messageLog: MessageLog) {
    this.view = view
    this.messages = messages
    this.#messageLog = messageLog
  }

  /** Places are numbers in the work file. */
  async list(key: Uint8Array, turn: Turn): Promise<ValueList> {
    const collector = new ValueCollector()
    for await (const { record } of this.messages.all()) {
      collector.add(exchangeValue(key, record), collector.count)
      await turn()
    }
    return await collector.sorted(turn)
  }

  /**
   * All leaves of the run, in pages. What the other side has too is shown by what of it is not the same.
   *
   * @param there The other side's list; undefined for a statement, in which every record is shown whole.
   */
  pages(here: ValueList, key: Uint8Array, there: ValueList | undefined, turn: Turn): AsyncGenerator<Uint8Array> {
    const { size } = this.view.checkpoint
    return leafPages(this.#leaves(here, key, there, turn), size, this.view.hashes)
  }

  async *#leaves(here: ValueList, key: Uint8Array, there: ValueList | undefined, turn: Turn): AsyncGenerator<OpenLeaf> {
    let number = 0
    for await (const message of this.messages.all()) {
      const value = exchangeValue(key, message.record)
      const matched = there === undefined ? false : isMatched(here, value, number)
      const known = matched && !isRepeated(here, value) && there !== undefined && !isRepeated(there, value)
      const { encoded, record, salt } = message
      const commitment = commitmentOf(salt, encoded)
      yield {
        index: this.view.indexOf(record.seq),
        frame: known
          ? { kind: 'known', value, seq: record.seq, at: record.at, salt, commitment }
          : { kind: 'shown', salt, commitment, record: encoded, ...(await this.#signed(message, matched)) },
      }
      number += 1
      await turn()
    }
  }

  /** The other side's signature, of what it does not have itself. */
  async #signed(message: OwnMessage, matched: boolean): Promise<{ readonly signed?: ShownSignature }> {
    if (matched || !isFromOther(message)) return {}
    const { seq } = message.record
    const stored = await this.#messageLog.get(seq)
    if (stored === undefined) throw new ReconciliationError('log_damaged', `Record ${seq} is gone from the message log`)
    const { signature, chain, chainResult, body } = stored
    return {
      signed: {
        signature,
        ...(chain && { chain }),
        ...(chainResult && { chainResult }),
        ...(body?.parts && { attachments: body.parts.map(({ digest }) => digest) }),
      },
    }
  }
}

/** Whether this message, of those that have the same value, is one that the other side has too. */
export function isMatched(list: ValueList, value: Uint8Array, number: number): boolean {
  const first = list.find(value) ?? list.count
  for (let at = first; at < list.count && list.value(at).equals(value); at += 1)
    if (list.place(at) === number) return list.is(at, MATCHED)
  return false
}

function isRepeated(list: ValueList, value: Uint8Array): boolean {
  const at = list.find(value)
  return at !== undefined && list.isRepeated(at)
}
