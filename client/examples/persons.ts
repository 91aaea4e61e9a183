/** Population register 1.0.0: types by `saadik types demo/population-register/openapi.yaml`. Not edited, but made again. */
export interface paths {
  '/persons': {
    /** Search persons by name, year of birth and municipality */
    get: {
      parameters: {
        query?: {
          /** Each word must begin one of the names; accents and case do not matter. */
          name?: string
          birthYear?: number
          municipality?: string
          page?: number
          pageSize?: number
        }
      }
      responses: {
        /** One page, ordered by surname, given name and personal code */
        200: {
          content: {
            'application/json': components['schemas']['Page']
          }
        }
        /** What is wrong with the request (RFC 9457) */
        400: {
          content: {
            'application/problem+json': components['schemas']['Problem']
          }
        }
      }
    }
  }
  '/persons/{personalCode}': {
    /** One person */
    get: {
      parameters: {
        path: {
          personalCode: string
        }
      }
      responses: {
        /** The person */
        200: {
          content: {
            'application/json': components['schemas']['Person']
          }
        }
        /** What is wrong with the request (RFC 9457) */
        400: {
          content: {
            'application/problem+json': components['schemas']['Problem']
          }
        }
        /** What is wrong with the request (RFC 9457) */
        404: {
          content: {
            'application/problem+json': components['schemas']['Problem']
          }
        }
      }
    }
    /** Replace the names and the address of a person */
    put: {
      parameters: {
        path: {
          personalCode: string
        }
        header?: {
          /** The ETag of the person as you read it; the update fails with 412 if somebody was faster. */
          'If-Match'?: string
        }
      }
      requestBody: {
        content: {
          'application/json': components['schemas']['Update']
        }
      }
      responses: {
        /** The person */
        200: {
          content: {
            'application/json': components['schemas']['Person']
          }
        }
        /** What is wrong with the request (RFC 9457) */
        400: {
          content: {
            'application/problem+json': components['schemas']['Problem']
          }
        }
        /** What is wrong with the request (RFC 9457) */
        404: {
          content: {
            'application/problem+json': components['schemas']['Problem']
          }
        }
        /** What is wrong with the request (RFC 9457) */
        412: {
          content: {
            'application/problem+json': components['schemas']['Problem']
          }
        }
        /** What is wrong with the request (RFC 9457) */
        413: {
          content: {
            'application/problem+json': components['schemas']['Problem']
          }
        }
        /** What is wrong with the request (RFC 9457) */
        415: {
          content: {
            'application/problem+json': components['schemas']['Problem']
          }
        }
      }
    }
  }
  '/persons/{personalCode}/photo': {
    /** The photo of a person */
    get: {
      parameters: {
        path: {
          personalCode: string
        }
      }
      responses: {
        /** A PNG of 120 × 160 pixels */
        200: {
          content: {
            'image/png': string
          }
        }
        /** What is wrong with the request (RFC 9457) */
        400: {
          content: {
            'application/problem+json': components['schemas']['Problem']
          }
        }
        /** What is wrong with the request (RFC 9457) */
        404: {
          content: {
            'application/problem+json': components['schemas']['Problem']
          }
        }
      }
    }
  }
}

export interface components {
  schemas: {
    Address: {
      street: string
      postalCode: string
      municipality: string
      county: string
    }
    Person: {
      personalCode: string
      givenName: string
      surname: string
      sex: 'female' | 'male'
      dateOfBirth: string
      address: components['schemas']['Address']
    }
    Update: {
      /** May be repeated, not changed */
      personalCode?: string
      givenName: string
      surname: string
      /** May be repeated, not changed */
      sex?: string
      /** May be repeated, not changed */
      dateOfBirth?: string
      address: components['schemas']['Address']
    }
    Page: {
      total: number
      page: number
      pageSize: number
      /** Path of the next page; absent on the last one */
      next?: string
      persons: components['schemas']['Person'][]
    }
    Problem: {
      type: string
      title: string
      status: number
      detail: string
      errors?: {
        field: string
        message: string
      }[]
    }
  }
}
