// Configuration documents as text: declaration, prefixes and line breaks as the reference's documents have them (wire-conf §3).
import { encodeBase64 } from '#trust'
import { escapeAttribute, escapeText } from '../xml.ts'
import { IDENTIFIERS, XROAD } from './elements.ts'

/** An element: its name, attributes and either text or children; absent children (undefined) are left out. */
export interface Markup {
  readonly name: string
  readonly attributes: readonly (readonly [name: string, value: string])[]
  readonly content: string | readonly Markup[]
}

type Children = readonly (Markup | undefined)[]

export function branch(name: string, children: Children, attributes: Markup['attributes'] = []): Markup {
  return { name, attributes, content: children.filter((child) => child !== undefined) }
}

export function leaf(name: string, value: string | number | boolean): Markup {
  return { name, attributes: [], content: String(value) }
}

/** Undefined for an undefined value, so that optional elements read like the others. */
export function optional(name: string, value: string | number | boolean | undefined): Markup | undefined {
  return value === undefined ? undefined : leaf(name, value)
}

export function base64(name: string, value: Uint8Array): Markup {
  return leaf(name, encodeBase64(value))
}

/** A whole document; `local` is its root in X-Road's namespace. */
export function writeDocument(local: string, children: Children): Uint8Array {
  const lines = ['<?xml version="1.0" encoding="UTF-8" standalone="yes"?>']
  const namespaces = [
    ['xmlns:ns2', IDENTIFIERS],
    ['xmlns:ns3', XROAD],
  ] as const
  render(branch(`ns3:${local}`, children, namespaces), '', lines)
  return Buffer.from(`${lines.join('\n')}\n`, 'utf8')
}

function render({ name, attributes, content }: Markup, indent: string, lines: string[]): void {
  const open = attributes.map(([key, value]) => ` ${key}="${escapeAttribute(value)}"`).join('')
  if (typeof content === 'string') {
    lines.push(`${indent}<${name}${open}>${escapeText(content)}</${name}>`)
  } else if (content.length === 0) {
    lines.push(`${indent}<${name}${open}/>`)
  } else {
    lines.push(`${indent}<${name}${open}>`)
    for (const child of content) render(child, `${indent}    `, lines)
    lines.push(`${indent}</${name}>`)
  }
}
